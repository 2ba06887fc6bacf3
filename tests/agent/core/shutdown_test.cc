// The host goes down: what runs is given time, then stopped, and the host is let go within its
// wait.
#include <gtest/gtest.h>

#include "agent/core/words.h"
#include "tests/agent/core/harness.h"

namespace mayfly::core {
namespace {

PoolSettings pool_of_three() {
  PoolSettings settings = small_pool();
  settings.replicas = 3;
  settings.stop_grace = 10s;
  return settings;
}

/// A full pool on a host that begins to go down and waits for so long.
struct GoingDown {
  explicit GoingDown(Duration wait, const PoolSettings& settings = pool_of_three()) {
    core.fill(settings);
    began = core.now();
    core.feed(HostShutdownBegan{began + wait});
  }

  [[nodiscard]] std::size_t count(const Decision& decision, StopSignal signal) const {
    const auto signals = Harness::of<SignalWorker>(decision);
    return static_cast<std::size_t>(
        std::count_if(signals.begin(), signals.end(),
                      [&](const SignalWorker& each) { return each.signal == signal; }));
  }
  /// Time passes until `at` after the beginning, and nothing is answered.
  Decision run_until(Duration at) { return core.run(began + at - core.now()); }

  Harness core;
  Time began;
};

TEST(HostShutdown, StartsAndReleasesNothingAndDismissesSpares) {
  Harness core;
  core.fill(small_pool());
  const WorkerId spare = core.spares().at(0);
  core.step({WorkerExited{core.worker_in(0), core.now(), ExitStatus{}},
             HostShutdownBegan{core.now() + 90s}});
  EXPECT_TRUE(core.wants<ReleaseWorker>().empty());
  EXPECT_TRUE(core.wants<StartWorker>().empty());
  ASSERT_EQ(core.wants<RemoveWorker>().size(), 1U);
  EXPECT_EQ(core.wants<RemoveWorker>()[0].worker, spare);
  EXPECT_EQ(core.pool().counters.spare_misses, 0U);
  core.settle();
  EXPECT_TRUE(Harness::of<StartWorker>(core.run(10min)).empty());
  EXPECT_TRUE(core.model().workers.empty());
}

TEST(HostShutdown, GivesTheReasonForEmptySlots) {
  GoingDown host(90s);
  host.core.exit(host.core.worker_in(1));
  EXPECT_EQ(host.core.why(1).reason, EmptyReason::kHostShutdown);
  EXPECT_EQ(host.core.why(0).reason, EmptyReason::kNone);
}

TEST(HostShutdown, LetsWorkersFinishByThemselvesForTheDrain) {
  GoingDown host(300s);
  EXPECT_TRUE(host.core.wants<SignalWorker>().empty());
  EXPECT_TRUE(Harness::of<SignalWorker>(host.run_until(60s - 1ns)).empty());
  EXPECT_EQ(host.count(host.run_until(60s), StopSignal::kTerm), 3U);
  EXPECT_EQ(host.count(host.run_until(70s - 1ns), StopSignal::kKill), 0U);
  EXPECT_EQ(host.count(host.run_until(70s), StopSignal::kKill), 3U);
}

TEST(HostShutdown, CutsTheDrainSoThatTheGraceFitsIn) {
  GoingDown host(30s);
  EXPECT_TRUE(Harness::of<SignalWorker>(host.run_until(18s - 1ns)).empty());
  EXPECT_EQ(host.count(host.run_until(18s), StopSignal::kTerm), 3U);
  EXPECT_EQ(host.count(host.run_until(28s), StopSignal::kKill), 3U);
}

TEST(HostShutdown, CutsTheGraceWhereTheHostWaitsForLess) {
  GoingDown host(5s);
  EXPECT_EQ(host.count(host.core.last(), StopSignal::kTerm), 3U) << "there is no time to lose";
  EXPECT_EQ(host.count(host.run_until(3750ms - 1ns), StopSignal::kKill), 0U);
  EXPECT_EQ(host.count(host.run_until(3750ms), StopSignal::kKill), 3U);
}

TEST(HostShutdown, CutsTheGraceOfWhatWasBeingStoppedBefore) {
  Harness core;
  core.fill(bare_pool(1));
  const WorkerId worker = core.worker_in(0);
  core.feed(RetireAsked{worker});
  core.feed(HostShutdownBegan{core.now() + 8s});
  EXPECT_TRUE(core.wants<SignalWorker>().empty());
  const auto signals = Harness::of<SignalWorker>(core.run(6s));
  ASSERT_EQ(signals.size(), 1U);
  EXPECT_EQ(signals[0].signal, StopSignal::kKill);
}

TEST(HostShutdown, CallsTheEndsOursThatItBroughtAbout) {
  GoingDown host(30s);
  const WorkerId early = host.core.worker_in(0);
  const WorkerId late = host.core.worker_in(1);
  host.core.exit(early, {.code = 3, .signal = 0});
  const auto by_itself = host.core.wants<RecordExit>();
  ASSERT_EQ(by_itself.size(), 1U);
  EXPECT_EQ(by_itself[0].record.exit_class, ExitClass::kFail);
  host.run_until(18s);
  host.core.exit(late, {.code = 143, .signal = 0});
  const auto stopped = host.core.wants<RecordExit>();
  ASSERT_EQ(stopped.size(), 1U);
  EXPECT_EQ(stopped[0].record.exit_class, ExitClass::kOurs);
  EXPECT_EQ(stopped[0].record.reason, "host shutdown");
}

TEST(HostShutdown, LetsTheHostGoOnceWhenTheLastExitIsRecorded) {
  GoingDown host(90s, bare_pool(1));
  host.core.exit(host.core.worker_in(0));
  EXPECT_TRUE(host.core.wants<LetHostGo>().empty()) << "its record is not durable yet";
  EXPECT_EQ(Harness::of<LetHostGo>(host.core.settle()).size(), 1U);
  EXPECT_TRUE(Harness::of<LetHostGo>(host.core.run(5min)).empty());
  host.core.feed(HostShutdownBegan{host.core.now() + 90s});
  EXPECT_TRUE(host.core.wants<LetHostGo>().empty()) << "the same shutdown, said again";
}

TEST(HostShutdown, LetsAHostGoAtOnceOnWhichNothingRuns) {
  Harness core;
  core.adopt();
  core.feed(HostShutdownBegan{core.now() + 90s});
  EXPECT_EQ(core.wants<LetHostGo>().size(), 1U);
}

TEST(HostShutdown, WaitsForSparesToBeRemovedUnlessTheRuntimeIsDown) {
  Harness core;
  core.fill(small_pool());
  const WorkerId spare = core.spares().at(0);
  core.feed(HostShutdownBegan{core.now() + 90s});
  core.exit(core.worker_in(0));
  core.feed(ExitRecorded{core.in(WorkerPhase::kRecording).at(0)});
  EXPECT_TRUE(core.wants<LetHostGo>().empty()) << "the spare lives";
  core.feed(RuntimeLost{"gone"});
  EXPECT_EQ(core.wants<LetHostGo>().size(), 1U);
  EXPECT_TRUE(core.knows(spare));
}

TEST(HostShutdown, LetsTheHostGoAtTheEndOfItsWaitWhateverLives) {
  GoingDown host(30s);
  EXPECT_TRUE(Harness::of<LetHostGo>(host.run_until(30s - 1ns)).empty());
  EXPECT_EQ(Harness::of<LetHostGo>(host.run_until(30s)).size(), 1U);
}

TEST(HostShutdown, WaitsForTheFirstInventory) {
  Harness core;
  core.feed(PoolDesired{bare_pool(1)});
  core.feed(HostShutdownBegan{core.now() + 30s});
  EXPECT_TRUE(core.wants<LetHostGo>().empty()) << "nobody knows what runs";
  core.feed(InventoryTaken{core.last_inventory(), {seen_running(WorkerId{7}, 0)}});
  EXPECT_EQ(core.worker(WorkerId{7}).phase, WorkerPhase::kStopping) << "no time for all its grace";
}

TEST(HostShutdown, AcceptsPoolsAndStartsNothingOfThem) {
  GoingDown host(90s);
  PoolSettings more = pool_of_three();
  more.replicas = 5;
  host.core.feed(PoolDesired{more}, PoolDesired{small_pool("q")});
  host.core.feed(RevisionPrepared{"q", Revision{1}});
  EXPECT_EQ(host.core.pool().slots.size(), 5U);
  EXPECT_TRUE(host.core.wants<PrepareRevision>().empty());
  EXPECT_TRUE(host.core.wants<StartWorker>().empty());
  EXPECT_EQ(host.core.why(0, "q").reason, EmptyReason::kHostShutdown);
}

TEST(HostShutdown, CancelledRefillsThePoolsAtOnce) {
  GoingDown host(30s);
  host.run_until(18s);
  host.core.settle();
  EXPECT_TRUE(host.core.model().workers.empty());
  host.core.feed(HostShutdownCancelled{});
  EXPECT_EQ(host.core.wants<StartWorker>().size(), 4U) << "three slots and a spare";
  EXPECT_TRUE(host.core.told(words::kHostShutdownCancelled));
  host.core.settle();
  for (SlotIndex slot = 0; slot < 3; ++slot) EXPECT_TRUE(host.core.slot(slot).worker) << slot;
  EXPECT_EQ(host.core.spares().size(), 1U);
}

TEST(HostShutdown, CancelledLeavesWhatStillRunsAlone) {
  GoingDown host(90s);
  const WorkerId worker = host.core.worker_in(0);
  host.core.feed(HostShutdownCancelled{});
  host.core.settle();
  EXPECT_TRUE(Harness::of<SignalWorker>(host.core.run(5min)).empty());
  EXPECT_EQ(host.core.worker_in(0), worker);
}

TEST(HostShutdown, BegunAgainAfterACancelledOneLetsTheHostGoAgain) {
  GoingDown host(30s, bare_pool(1));
  host.core.exit(host.core.worker_in(0));
  EXPECT_EQ(Harness::of<LetHostGo>(host.core.settle()).size(), 1U);
  host.core.feed(HostShutdownCancelled{});
  host.core.settle();
  host.core.feed(HostShutdownBegan{host.core.now() + 30s});
  EXPECT_TRUE(host.core.wants<LetHostGo>().empty());
  host.core.exit(host.core.worker_in(0));
  EXPECT_EQ(Harness::of<LetHostGo>(host.core.settle()).size(), 1U);
}

TEST(HostShutdown, WithoutAnyWaitKillsAndLetsGoInTheSameStep) {
  Harness core;
  core.fill(bare_pool(1));
  core.feed(HostShutdownBegan{Time::min()});
  EXPECT_EQ(core.wants<SignalWorker>().size(), 2U) << "TERM and KILL";
  EXPECT_EQ(core.wants<LetHostGo>().size(), 1U);
}

TEST(HostShutdown, WithoutAnEndOfTheWaitKeepsToDrainAndGrace) {
  Harness core;
  core.fill(bare_pool(1));
  core.feed(HostShutdownBegan{kNever});
  const Decision decision = core.run(60s + 30s);
  EXPECT_EQ(Harness::of<SignalWorker>(decision).size(), 2U);
  EXPECT_TRUE(Harness::of<LetHostGo>(decision).empty());
}

TEST(HostShutdown, HoldsBackAReleaseThatAGateAsksForAgain) {
  Harness core;
  core.begin(bare_pool(1));
  core.feed(WorkerStarted{WorkerId{100}}, GateReady{WorkerId{100}});
  ASSERT_EQ(core.wants<ReleaseWorker>().size(), 1U);
  core.feed(ReleaseFailed{WorkerId{100}, "its gate is not connected"});
  core.feed(GateReady{WorkerId{100}}, HostShutdownBegan{core.now() + 90s});
  EXPECT_TRUE(core.wants<ReleaseWorker>().empty());
}

}  // namespace
}  // namespace mayfly::core
