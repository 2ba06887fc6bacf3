#include "systemd/unit_state.h"

#include "tests/systemd/bus/bus_fixture.h"
#include "tests/systemd/bus/fakes.h"

namespace mayfly::systemd {
namespace {

TEST(Unit, IsNamedOnTheBusAsSystemdDoes) {
  EXPECT_EQ(unit_path("containerd.service"), "/org/freedesktop/systemd1/unit/containerd_2eservice");
  EXPECT_EQ(unit_path("a-b@1.socket"), "/org/freedesktop/systemd1/unit/a_2db_401_2esocket");
  EXPECT_EQ(unit_path("9p.service"), "/org/freedesktop/systemd1/unit/_39p_2eservice");
}

TEST(Unit, SaysWhyItDoesNotServe) {
  struct Case {
    UnitStatus status;
    const char* why;
  };
  for (const auto& [status, why] : std::vector<Case>{
           {{}, ""},
           {{"loaded", "active", "running", "success"}, ""},
           {{"loaded", "reloading", "reload", "success"}, ""},
           {{"loaded", "inactive", "dead", "success"}, "c.service is stopped (by an operator)"},
           {{"loaded", "failed", "failed", "exit-code"}, "c.service failed: exit-code"},
           {{"loaded", "activating", "auto-restart", "exit-code"},
            "c.service is restarting after: exit-code"},
           {{"loaded", "activating", "auto-restart", "success"}, "c.service is restarting"},
           {{"loaded", "activating", "start", "success"}, "c.service is starting"},
           {{"loaded", "deactivating", "stop-sigterm", "success"}, "c.service is stopping"},
           {{"not-found", "inactive", "dead", ""}, "c.service is not installed"},
       }) {
    EXPECT_EQ(why_not_active("c.service", status), why);
  }
}

class WatchedUnit : public BusTest {
 protected:
  void start() {
    bus.start([this](const std::string& why) { off.push_back(why); });
  }
  bool is_told(const std::string& active) {
    return until([&] { return !told.empty() && told.back().active == active; });
  }

  Bus bus{loop};
  std::vector<UnitStatus> told;
  UnitState state{bus, "c.service", [this](const UnitStatus& status) { told.push_back(status); }};
};

TEST_F(WatchedUnit, TellsItsStateAndEachChange) {
  FakeSystemd systemd(unit_path("c.service"));
  start();
  ASSERT_TRUE(is_told("active"));
  EXPECT_EQ(systemd.subscribers(), 1);
  systemd.set({{"ActiveState", "failed"}, {"SubState", "failed"}, {"Result", "exit-code"}});
  ASSERT_TRUE(is_told("failed"));
  EXPECT_EQ(told.back(), (UnitStatus{"loaded", "failed", "failed", "exit-code"}));
  systemd.set({{"ActiveState", "active"}, {"SubState", "running"}, {"Result", "success"}});
  ASSERT_TRUE(is_told("active"));
}

TEST_F(WatchedUnit, IsLookedAtAnewWhenSystemdComesBack) {
  auto systemd = std::make_unique<FakeSystemd>(unit_path("c.service"));
  start();
  ASSERT_TRUE(is_told("active"));
  systemd.reset();
  ASSERT_TRUE(is_told("")) << "nobody knows";
  systemd = std::make_unique<FakeSystemd>(unit_path("c.service"));
  EXPECT_TRUE(is_told("active"));
}

TEST_F(WatchedUnit, IsNotKnownWithoutSystemd) {
  start();
  ASSERT_TRUE(until([&] { return bus.is_connected(); }));
  bool answered = false;
  bus.call({"org.freedesktop.systemd1", "/", "a.b", "C"}, [&](const Reply&) { answered = true; });
  ASSERT_TRUE(until([&] { return answered; }));
  EXPECT_TRUE(told.empty());
}

}  // namespace
}  // namespace mayfly::systemd
