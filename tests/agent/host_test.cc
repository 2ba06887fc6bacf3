#include "agent/host.h"

#include <variant>

#include "tests/agent/fake_runtime.h"
#include "tests/systemd/bus/bus_fixture.h"
#include "tests/systemd/bus/fakes.h"

namespace mayfly::agent {
namespace {

using namespace std::chrono_literals;

constexpr const char* kUnit = "c.service";

class HostOfTheAgent : public systemd::BusTest {
 protected:
  /// All that was posted so far.
  const std::vector<core::Event>& posted() {
    for (core::Event& event : inbox.take()) events.push_back(std::move(event));
    return events;
  }
  template <class Event>
  std::vector<Event> all() {
    std::vector<Event> found;
    for (const core::Event& event : posted()) {
      if (const auto* one = std::get_if<Event>(&event)) found.push_back(*one);
    }
    return found;
  }
  std::string loss() {
    const auto losses = all<core::RuntimeLost>();
    return losses.empty() ? "" : losses.back().reason;
  }

  Inbox inbox;
  FakeRuntime driver;
  std::vector<core::Event> events;
  Host host{loop, {inbox, driver}, kUnit};
};

TEST_F(HostOfTheAgent, TellsTheCoreOfAShutdownAndLetsTheHostGo) {
  systemd::FakeLogind logind;
  host.start();
  ASSERT_TRUE(until([&] { return logind.held() == 1; }));
  logind.delay_max_us = 40'000'000;
  logind.prepare(true);
  ASSERT_TRUE(until([&] { return !all<core::HostShutdownBegan>().empty(); }));
  const auto wait = all<core::HostShutdownBegan>()[0].until.time_since_epoch() -
                    std::chrono::steady_clock::now().time_since_epoch();
  EXPECT_LE(wait, 40s);
  EXPECT_GT(wait, 0s);
  host.let_go();
  ASSERT_TRUE(until([&] { return logind.held() == 0; }));
  logind.prepare(false);
  EXPECT_TRUE(until([&] { return !all<core::HostShutdownCancelled>().empty(); }));
  EXPECT_TRUE(until([&] { return logind.held() == 1; }));
}

TEST_F(HostOfTheAgent, SaysWhyTheRuntimeIsLostAndHasItTriedWhenItsUnitIsUp) {
  systemd::FakeSystemd systemd(systemd::unit_path(kUnit));
  host.start();
  host.runtime_lost("no connection");
  EXPECT_EQ(loss(), "no connection") << "nobody knows more yet";
  systemd.set({{"ActiveState", "failed"}, {"SubState", "failed"}, {"Result", "exit-code"}});
  EXPECT_TRUE(until([&] { return loss() == "c.service failed: exit-code (no connection)"; }));
  driver.calls.clear();
  systemd.set({{"ActiveState", "activating"}, {"SubState", "auto-restart"}});
  EXPECT_TRUE(
      until([&] { return loss() == "c.service is restarting after: exit-code (no connection)"; }));
  EXPECT_TRUE(driver.calls.empty());
  systemd.set({{"ActiveState", "active"}, {"SubState", "running"}, {"Result", "success"}});
  EXPECT_TRUE(until([&] { return driver.calls == std::vector<std::string>{"connect now"}; }));
  EXPECT_EQ(loss(), "no connection");
}

TEST_F(HostOfTheAgent, SaysNothingOfAUnitWhileTheRuntimeIsThere) {
  systemd::FakeSystemd systemd(systemd::unit_path(kUnit));
  host.start();
  host.runtime_lost("no connection");
  host.runtime_found();
  systemd.set({{"ActiveState", "inactive"}, {"SubState", "dead"}});
  ASSERT_TRUE(until([&] { return systemd.subscribers() > 0; }));
  host.runtime_lost("again");
  EXPECT_TRUE(until([&] { return loss() == "c.service is stopped (by an operator) (again)"; }));
  EXPECT_EQ(all<core::RuntimeLost>().front().reason, "no connection");
  EXPECT_EQ(all<core::RuntimeFound>().size(), 1U);
}

TEST_F(HostOfTheAgent, PassesOnWhatTheDriverSaysWithoutABus) {
  daemon.terminate();
  host.start();
  host.runtime_lost("no connection");
  host.runtime_found();
  ASSERT_EQ(posted().size(), 2U);
  EXPECT_EQ(loss(), "no connection");
  host.let_go();
}

}  // namespace
}  // namespace mayfly::agent
