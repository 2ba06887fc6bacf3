#include "systemd/inhibitor.h"

#include <optional>

#include "tests/systemd/bus/bus_fixture.h"
#include "tests/systemd/bus/fakes.h"

namespace mayfly::systemd {
namespace {

using namespace std::chrono_literals;
using Clock = Inhibitor::Clock;

class DelayLock : public BusTest {
 protected:
  void start() {
    bus.start([this](const std::string& why) { off.push_back(why); });
  }
  void start_with_lock() {
    logind.emplace();
    start();
    ASSERT_TRUE(until([&] { return inhibitor.is_held(); }));
  }

  std::optional<FakeLogind> logind;
  Bus bus{loop};
  std::vector<Clock::time_point> began;
  int cancelled = 0;
  std::vector<std::string> refusals;
  Inhibitor inhibitor{
      loop,
      bus,
      {[this](Clock::time_point until) { began.push_back(until); }, [this] { ++cancelled; },
       [this](const std::string& why) { refusals.push_back(why); }}};
};

TEST_F(DelayLock, IsTakenAtOnce) {
  start_with_lock();
  EXPECT_EQ(logind->held(), 1);
  const auto asked = logind->asked();
  EXPECT_EQ(asked.at(0), "shutdown");
  EXPECT_EQ(asked.at(1), "mayfly");
  EXPECT_EQ(asked.at(3), "delay");
}

TEST_F(DelayLock, TellsOfAShutdownAndHowLongItWaits) {
  start_with_lock();
  logind->delay_max_us = 40'000'000;
  const auto before = Clock::now();
  logind->prepare(true);
  ASSERT_TRUE(until([&] { return !began.empty(); }));
  EXPECT_GE(began[0], before + 40s);
  EXPECT_LE(began[0], Clock::now() + 40s);
  EXPECT_EQ(logind->held(), 1) << "until we are done";
}

TEST_F(DelayLock, IsGivenUpWhenTheHostMayGo) {
  start_with_lock();
  logind->prepare(true);
  ASSERT_TRUE(until([&] { return !began.empty(); }));
  inhibitor.let_go();
  EXPECT_FALSE(inhibitor.is_held());
  EXPECT_TRUE(until([&] { return logind->held() == 0; }));
}

TEST_F(DelayLock, IsTakenAnewAfterACancelledShutdown) {
  start_with_lock();
  logind->prepare(true);
  ASSERT_TRUE(until([&] { return !began.empty(); }));
  inhibitor.let_go();
  logind->prepare(false);
  ASSERT_TRUE(until([&] { return cancelled == 1 && inhibitor.is_held(); }));
  EXPECT_EQ(logind->held(), 1);
  logind->prepare(true);
  EXPECT_TRUE(until([&] { return began.size() == 2; }));
}

TEST_F(DelayLock, IsTakenAnewFromALogindThatWasRestarted) {
  start_with_lock();
  logind.reset();
  logind.emplace();
  EXPECT_TRUE(until([&] { return logind->held() == 1; }));
}

TEST_F(DelayLock, IsTakenAnewOnABusThatCameBack) {
  start_with_lock();
  daemon.kill9();
  ASSERT_TRUE(until([&] { return !bus.is_connected(); }));
  logind.reset();
  daemon.start();
  logind.emplace();
  EXPECT_TRUE(until([&] { return logind->held() == 1; }));
}

TEST_F(DelayLock, WaitsForALogindThatComesLater) {
  start();
  ASSERT_TRUE(until([&] { return !refusals.empty(); }));
  EXPECT_FALSE(inhibitor.is_held());
  logind.emplace();
  EXPECT_TRUE(until([&] { return inhibitor.is_held(); }));
}

TEST_F(DelayLock, SaysThatItIsRefused) {
  logind.emplace();
  logind->refuses = true;
  start();
  ASSERT_TRUE(until([&] { return !refusals.empty(); }));
  EXPECT_EQ(refusals[0], "no lock for you");
  logind->prepare(true);
  EXPECT_TRUE(until([&] { return !began.empty(); })) << "the drain begins without it";
}

TEST_F(DelayLock, BeginsWithAShutdownThatIsUnderWay) {
  logind.emplace();
  logind->prepare(true);
  start();
  EXPECT_TRUE(until([&] { return !began.empty(); }));
  EXPECT_EQ(logind->held(), 0) << "logind gives none now";
}

TEST_F(DelayLock, DoesNotBelieveASignal) {
  start_with_lock();
  const int looks = logind->looks();
  FakeLogind::forge(logind->client());
  ASSERT_TRUE(until([&] { return logind->looks() > looks; })) << "it asks logind";
  logind->prepare(false);
  ASSERT_TRUE(until([&] { return logind->looks() > looks + 1; }));
  EXPECT_TRUE(began.empty());
}

}  // namespace
}  // namespace mayfly::systemd
