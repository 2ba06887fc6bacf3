// Waiting after failures: of workers and of starts.
#include <gtest/gtest.h>

#include <algorithm>

#include "agent/core/backoff.h"
#include "tests/agent/core/harness.h"

namespace mayfly::core {
namespace {

/// The next worker in the slot fails as soon as it runs; what replaces it at once runs.
void fail(Harness& core, SlotIndex slot = 0) {
  core.await_worker(slot);
  core.exit(core.worker_in(slot), {.code = 1, .signal = 0});
  core.settle();
}

TEST(Backoff, BoundsGrowByTheFactorUpToTheMaximum) {
  const Backoff backoff{.initial = 100ms, .factor = 2, .max = 30s, .reset_after = 10s};
  EXPECT_EQ(backoff_bound(backoff, 0), 0s);
  EXPECT_EQ(backoff_bound(backoff, 1), 100ms);
  EXPECT_EQ(backoff_bound(backoff, 2), 200ms);
  EXPECT_EQ(backoff_bound(backoff, 9), 25600ms);
  EXPECT_EQ(backoff_bound(backoff, 10), 30s);
  EXPECT_EQ(backoff_bound(backoff, 4'000'000'000U), 30s);
}

TEST(Backoff, JitterCoversTheWholeRange) {
  Memory memory;
  Duration least = 1s;
  Duration most = 0s;
  for (int i = 0; i < 1000; ++i) {
    const Duration wait = jittered(memory, 1s);
    ASSERT_TRUE(wait >= 0s && wait <= 1s);
    least = std::min(least, wait);
    most = std::max(most, wait);
  }
  EXPECT_LT(least, 20ms);
  EXPECT_GT(most, 980ms);
}

TEST(Backoff, TheClassDecidesAboutTheReleaseAfterTheNext) {
  Harness core;
  core.fill(small_pool());
  core.exit(core.worker_in(0), {.code = 1, .signal = 0});
  EXPECT_EQ(core.wants<ReleaseWorker>().size(), 1U) << "the first failure is replaced at once";
  EXPECT_EQ(core.pool().failures, 1U);
  EXPECT_GT(core.slot().not_before, core.now());
  EXPECT_EQ(core.slot().last_failure, "exit code 1");
  core.settle();
  core.exit(core.worker_in(0), {.code = 1, .signal = 0});
  EXPECT_TRUE(core.wants<ReleaseWorker>().empty()) << "the second waits";
  EXPECT_EQ(core.why().reason, EmptyReason::kBackoff);
  EXPECT_EQ(core.why().detail, "exit code 1");
  EXPECT_EQ(core.why().next_attempt, core.slot().not_before);
  const Duration wait = core.slot().not_before - core.now();
  EXPECT_TRUE(Harness::of<ReleaseWorker>(core.run(wait - 1ns)).empty());
  core.pass(1ns);
  EXPECT_EQ(core.wants<ReleaseWorker>().size(), 1U);
}

TEST(Backoff, OfASlotWithoutASpareIsNoReasonToWake) {
  Harness core;
  core.begin(bare_pool(1));
  core.pass(1s);  // what a start takes here: longer than the first wait
  core.settle();
  const WorkerId failed = core.worker_in(0);
  core.exit(failed, {.code = 1, .signal = 0});
  const auto starts = core.wants<StartWorker>();
  ASSERT_EQ(starts.size(), 1U);
  core.feed(ExitRecorded{failed}, WorkerRemoved{failed});
  EXPECT_GT(core.last().wake_at, core.slot().not_before) << "its container is not there yet";
  core.feed(WorkerStarted{starts[0].worker}, GateReady{starts[0].worker});
  EXPECT_EQ(core.last().wake_at, core.slot().not_before);
}

TEST(Backoff, GrowsWhileWorkersKeepFailing) {
  Harness core;
  core.fill(small_pool());
  for (int i = 0; i < 40; ++i) fail(core);
  EXPECT_GT(core.pool().failures, 9U);
  EXPECT_LE(core.slot().not_before - core.now(), 30s);
}

TEST(Backoff, RisesOncePerRoundOfFailures) {
  Harness core;
  core.fill(bare_pool(8));
  std::vector<Event> exits;
  for (const auto& [index, slot] : core.pool().slots) {
    exits.emplace_back(WorkerExited{slot.worker.value(), core.now(), ExitStatus{1, 0}});
  }
  core.step(exits);
  EXPECT_EQ(core.pool().failures, 1U);
  for (const auto& [index, slot] : core.pool().slots) EXPECT_GT(slot.not_before, core.now());
}

TEST(Backoff, IsClearedByOneSuccess) {
  Harness core;
  core.fill(small_pool());
  fail(core);
  ASSERT_EQ(core.pool().failures, 1U);
  core.exit(core.worker_in(0), {.code = 0, .signal = 0});
  EXPECT_EQ(core.pool().failures, 0U);
  EXPECT_EQ(core.wants<ReleaseWorker>().size(), 1U) << "after a success the next comes at once";
  EXPECT_TRUE(core.slot().last_failure.empty());
}

TEST(Backoff, IsClearedByALongRun) {
  Harness core;
  core.fill(small_pool());
  for (int i = 0; i < 20; ++i) fail(core);
  ASSERT_GT(core.pool().failures, 3U);
  core.await_worker();
  core.run(10s);
  fail(core);
  EXPECT_EQ(core.pool().failures, 1U);
}

TEST(Backoff, ALongRunOfANeighbourClearsItToo) {
  Harness core;
  PoolSettings settings = small_pool();
  settings.replicas = 2;
  core.fill(settings);
  for (int i = 0; i < 10; ++i) fail(core, 0);
  ASSERT_GT(core.pool().failures, 3U);
  core.feed(RetireAsked{core.worker_in(1)});
  core.settle();  // its successor is released after the last rise
  core.run(10s);
  fail(core, 0);
  EXPECT_EQ(core.pool().failures, 1U);
}

TEST(Backoff, AWorkerThatRanLongFailsForTheFirstTimeWhateverItsNeighboursDid) {
  Harness core;
  PoolSettings settings = small_pool();
  settings.replicas = 2;
  core.fill(settings);
  for (int i = 0; i < 10; ++i) fail(core, 0);
  ASSERT_GT(core.pool().failures, 3U);
  core.pass(10s);
  core.exit(core.worker_in(1), {.code = 1, .signal = 0});  // released before all of that
  EXPECT_EQ(core.pool().failures, 1U);
}

TEST(Backoff, OursIsNeverAFailure) {
  Harness core;
  core.fill(small_pool());
  core.feed(RetireAsked{core.worker_in(0)});
  core.exit(core.worker_in(0), {.code = 1, .signal = 0});
  EXPECT_EQ(core.pool().failures, 0U);
  EXPECT_LE(core.slot().not_before, core.now());
}

TEST(Backoff, ALossIsFreeOnceThenWaits) {
  Harness core;
  core.fill(small_pool());
  core.exit(core.worker_in(0), {.code = 0, .signal = 9});
  EXPECT_EQ(core.pool().failures, 0U);
  EXPECT_LE(core.slot().not_before, core.now());
  core.settle();
  core.exit(core.worker_in(0), {.code = 0, .signal = 9});
  EXPECT_EQ(core.pool().failures, 1U);
  EXPECT_GT(core.slot().not_before, core.now());
}

TEST(Backoff, LossesFarApartAreFirstOnesEach) {
  Harness core;
  core.fill(small_pool());
  for (int i = 0; i < 5; ++i) {
    core.run(11s);
    core.exit(core.worker_in(0), {.code = 0, .signal = 9});
    core.settle();
  }
  EXPECT_EQ(core.pool().failures, 0U);
}

TEST(Backoff, ResetClearsEveryWait) {
  Harness core;
  core.fill(small_pool());
  while (core.slot().worker) fail(core);
  core.feed(ResetAsked{"p"});
  EXPECT_EQ(core.wants<ReleaseWorker>().size(), 1U);
  EXPECT_EQ(core.pool().failures, 0U);
}

TEST(StartCurve, DoublesFromOneSecondToAMinute) {
  Harness core;
  core.begin(bare_pool(1));
  Duration expected = 1s;
  for (int i = 0; i < 10; ++i) {
    const auto starts = core.wants<StartWorker>();
    ASSERT_EQ(starts.size(), 1U);
    core.feed(StartFailed{starts[0].worker, "no space"});
    EXPECT_FALSE(core.knows(starts[0].worker)) << "nothing of it exists";
    EXPECT_TRUE(core.wants<RecordExit>().empty());
    EXPECT_EQ(core.why().reason, EmptyReason::kStartsFailing);
    EXPECT_EQ(core.why().detail, "no space");
    EXPECT_EQ(core.why().next_attempt, core.now() + expected);
    EXPECT_TRUE(Harness::of<StartWorker>(core.run(expected - 1ns)).empty());
    core.pass(1ns);
    expected = std::min<Duration>(expected * 2, 60s);
  }
  EXPECT_EQ(core.pool().counters.start_failures, 10U);
}

TEST(StartCurve, RisesOncePerRound) {
  Harness core;
  core.begin(bare_pool(4));
  for (const StartWorker& start : core.wants<StartWorker>()) {
    core.feed(StartFailed{start.worker, "no"});
  }
  EXPECT_EQ(core.pool().starts.failures, 1U);
  EXPECT_EQ(core.pool().counters.start_failures, 4U);
}

TEST(StartCurve, IsClearedByAStartThatBecomesReady) {
  Harness core;
  core.begin(bare_pool(2));
  const auto starts = core.wants<StartWorker>();
  core.feed(StartFailed{starts[0].worker, "no"});
  ASSERT_EQ(core.pool().starts.failures, 1U);
  core.feed(WorkerStarted{starts[1].worker}, GateReady{starts[1].worker});
  EXPECT_EQ(core.pool().starts.failures, 0U);
  EXPECT_TRUE(core.pool().starts.failure.empty());
  EXPECT_EQ(core.wants<StartWorker>().size(), 1U);
}

TEST(StartCurve, IsClearedByResetAndByANewRevision) {
  Harness core;
  core.begin(bare_pool(1));
  core.feed(StartFailed{core.wants<StartWorker>().at(0).worker, "no"});
  core.feed(ResetAsked{"p"});
  ASSERT_EQ(core.wants<StartWorker>().size(), 1U);
  core.feed(StartFailed{core.wants<StartWorker>().at(0).worker, "no"});
  PoolSettings next = bare_pool(1);
  next.revision = Revision{2};
  core.feed(PoolDesired{next}, RevisionPrepared{"p", Revision{2}});
  const auto starts = core.wants<StartWorker>();
  ASSERT_EQ(starts.size(), 1U);
  EXPECT_EQ(starts[0].revision, Revision{2});
}

TEST(StartCurve, IsRaisedByASpareThatBreaks) {
  Harness core;
  core.fill(small_pool());
  core.exit(core.spares().at(0), {.code = 1, .signal = 0});
  EXPECT_EQ(core.pool().starts.failures, 1U);
  EXPECT_EQ(core.pool().failures, 0U) << "no worker has failed";
}

TEST(StartCurve, IsNotRaisedWhileTheRuntimeIsDown) {
  Harness core;
  core.begin(bare_pool(1));
  const WorkerId id = core.wants<StartWorker>().at(0).worker;
  core.feed(RuntimeLost{"gone"});
  core.feed(StartFailed{id, "connection refused"});
  EXPECT_EQ(core.pool().starts.failures, 0U);
  EXPECT_TRUE(core.wants<StartWorker>().empty());
  core.feed(RuntimeFound{});
  EXPECT_EQ(core.wants<StartWorker>().size(), 1U);
}

}  // namespace
}  // namespace mayfly::core
