// Growing, shrinking, pausing and dropping pools; stopping workers.
#include <gtest/gtest.h>

#include <set>

#include "tests/agent/core/harness.h"

namespace mayfly::core {
namespace {

std::set<SlotIndex> indices(const Harness& core) {
  std::set<SlotIndex> found;
  for (const auto& [index, slot] : core.pool().slots) found.insert(index);
  return found;
}

TEST(Scale, UpFillsTheLowestFreeIndices) {
  Harness core;
  core.fill(bare_pool(3));
  core.exit(core.worker_in(1));
  core.feed(PoolDesired{bare_pool(2)});
  EXPECT_EQ(indices(core), (std::set<SlotIndex>{0, 2})) << "the empty slot goes first";
  core.feed(PoolDesired{bare_pool(4)});
  EXPECT_EQ(indices(core), (std::set<SlotIndex>{0, 1, 2, 3}));
  core.settle();
  for (const auto& [index, slot] : core.pool().slots) EXPECT_TRUE(slot.worker) << index;
}

TEST(Scale, DownStopsTheYoungestWorkers) {
  Harness core;
  core.fill(bare_pool(3));
  core.pass(1s);
  core.exit(core.worker_in(0));
  core.settle();  // the worker in slot 0 is the youngest now
  core.feed(PoolDesired{bare_pool(2)});
  ASSERT_EQ(core.wants<SignalWorker>().size(), 1U);
  EXPECT_EQ(core.wants<SignalWorker>()[0].worker, core.worker_in(0));
  EXPECT_EQ(core.wants<SignalWorker>()[0].signal, StopSignal::kTerm);
  EXPECT_EQ(core.pool().slots.size(), 3U) << "its slot stays until it has ended";
  core.exit(core.worker_in(0), {.code = 0, .signal = 15});
  EXPECT_EQ(indices(core), (std::set<SlotIndex>{1, 2}));
  EXPECT_TRUE(core.wants<StartWorker>().empty());
}

TEST(Scale, DownTakesFirstWhatIsBeingStoppedAllTheSame) {
  Harness core;
  core.fill(bare_pool(3));
  core.feed(RetireAsked{core.worker_in(0)});
  core.feed(PoolDesired{bare_pool(2)});
  EXPECT_TRUE(core.wants<SignalWorker>().empty());
  core.exit(core.worker_in(0), {.code = 0, .signal = 15});
  EXPECT_EQ(indices(core), (std::set<SlotIndex>{1, 2}));
}

PoolSettings awaiting(std::uint32_t replicas) {
  PoolSettings settings = bare_pool(replicas);
  settings.surplus = Surplus::kAwaited;
  return settings;
}

TEST(Scale, DownAwaitsTheEndOfAnyWorkerWhereThatIsWanted) {
  Harness core;
  core.fill(awaiting(3));
  core.feed(PoolDesired{awaiting(2)});
  EXPECT_TRUE(core.wants<SignalWorker>().empty());
  EXPECT_EQ(core.pool().slots.size(), 3U);
  core.exit(core.worker_in(1));
  EXPECT_EQ(indices(core), (std::set<SlotIndex>{0, 2}));
  EXPECT_TRUE(core.wants<StartWorker>().empty()) << "nothing follows it";
  core.exit(core.worker_in(0));
  core.settle();
  EXPECT_EQ(indices(core), (std::set<SlotIndex>{0, 2})) << "and from then on all goes on";
}

TEST(Scale, DownStopsAtLastWhatWasAwaited) {
  Harness core;
  core.fill(awaiting(2));
  core.feed(PoolDesired{awaiting(1)});
  core.feed(PoolDesired{bare_pool(1)});
  EXPECT_EQ(core.wants<SignalWorker>().size(), 1U);
}

TEST(Scale, ARestartAdoptsASurplusThatIsAwaited) {
  Harness core;
  core.feed(PoolDesired{awaiting(1)});
  core.adopt({seen_running(WorkerId{1}, SlotIndex{0}), seen_running(WorkerId{2}, SlotIndex{1})});
  EXPECT_TRUE(core.wants<SignalWorker>().empty());
  EXPECT_EQ(core.pool().slots.size(), 2U);
  core.feed(PoolDropped{"p"});
  EXPECT_EQ(core.wants<SignalWorker>().size(), 2U) << "a dropped pool stops them all";
}

TEST(Scale, UpAgainKeepsASlotWhoseWorkerIsStopping) {
  Harness core;
  core.fill(bare_pool(2));
  core.feed(PoolDesired{bare_pool(1)});
  const WorkerId stopping = core.in(WorkerPhase::kStopping).at(0);
  core.feed(PoolDesired{bare_pool(2)});
  EXPECT_EQ(core.pool().slots.size(), 2U);
  EXPECT_TRUE(core.wants<StartWorker>().empty()) << "never more live workers than replicas";
  core.exit(stopping, {.code = 0, .signal = 15});
  EXPECT_EQ(core.wants<StartWorker>().size(), 1U);
}

TEST(Scale, ToNothingAndBackWorks) {
  Harness core;
  core.fill(small_pool());
  core.feed(PoolDesired{bare_pool(0)});
  core.settle();
  EXPECT_TRUE(core.model().workers.empty());
  EXPECT_TRUE(core.pool().slots.empty());
  core.feed(PoolDesired{small_pool()});
  core.settle();
  EXPECT_TRUE(core.slot().worker);
}

TEST(Pause, StartsAndReleasesNothingAndKeepsWhatIsThere) {
  Harness core;
  core.fill(small_pool());
  PoolSettings paused = small_pool();
  paused.paused = true;
  core.feed(PoolDesired{paused});
  EXPECT_TRUE(core.wants<SignalWorker>().empty());
  EXPECT_EQ(core.spares().size(), 1U);
  core.exit(core.worker_in(0));
  EXPECT_TRUE(core.wants<ReleaseWorker>().empty());
  EXPECT_TRUE(core.wants<StartWorker>().empty());
  EXPECT_EQ(core.why().reason, EmptyReason::kPaused);
  core.run(10min);
  EXPECT_EQ(core.spares().size(), 1U);
  core.feed(PoolDesired{small_pool()});
  EXPECT_EQ(core.wants<ReleaseWorker>().size(), 1U);
}

TEST(Drop, StopsWorkersDismissesSparesAndEndsThePool) {
  Harness core;
  core.fill(small_pool());
  const WorkerId spare = core.spares().at(0);
  core.feed(PoolDropped{"p"});
  ASSERT_EQ(core.wants<SignalWorker>().size(), 1U);
  ASSERT_EQ(core.wants<RemoveWorker>().size(), 1U);
  EXPECT_EQ(core.wants<RemoveWorker>()[0].worker, spare);
  core.settle();
  EXPECT_TRUE(core.model().pools.empty());
  EXPECT_TRUE(core.model().workers.empty());
}

TEST(Drop, ThenDesiredAgainRevivesThePoolWithoutDoublingWorkers) {
  Harness core;
  core.fill(small_pool());
  core.feed(PoolDropped{"p"});
  core.feed(PoolDesired{small_pool()});
  EXPECT_TRUE(core.wants<ReleaseWorker>().empty()) << "the old worker has not ended";
  const WorkerId old = core.worker_in(0);
  core.settle();
  EXPECT_FALSE(core.knows(old));
  EXPECT_TRUE(core.slot().worker);
  EXPECT_EQ(core.spares().size(), 1U);
}

TEST(Drop, OfAPoolThatIsStartingWaitsForTheOutcome) {
  Harness core;
  core.begin(bare_pool(1));
  const WorkerId id = core.wants<StartWorker>().at(0).worker;
  core.feed(PoolDropped{"p"});
  EXPECT_TRUE(core.knows(id));
  core.feed(GateReady{id}, WorkerStarted{id});
  EXPECT_EQ(core.wants<RemoveWorker>().size(), 1U);
  core.settle();
  EXPECT_TRUE(core.model().pools.empty());
}

TEST(Retire, SendsTermThenKillAndRefillsTheSlotOnExit) {
  Harness core;
  core.fill(small_pool());
  const WorkerId id = core.worker_in(0);
  core.feed(RetireAsked{id});
  ASSERT_EQ(core.wants<SignalWorker>().size(), 1U);
  EXPECT_EQ(core.wants<SignalWorker>()[0].signal, StopSignal::kTerm);
  EXPECT_TRUE(core.wants<ReleaseWorker>().empty());
  EXPECT_TRUE(Harness::of<SignalWorker>(core.run(30s - 1ns)).empty());
  core.pass(1ns);
  ASSERT_EQ(core.wants<SignalWorker>().size(), 1U);
  EXPECT_EQ(core.wants<SignalWorker>()[0].signal, StopSignal::kKill);
  core.exit(id, {.code = 0, .signal = 9});
  EXPECT_EQ(core.wants<ReleaseWorker>().size(), 1U);
  ASSERT_EQ(core.wants<RecordExit>().size(), 1U);
  EXPECT_EQ(core.wants<RecordExit>()[0].record.exit_class, ExitClass::kOurs);
  EXPECT_EQ(core.wants<RecordExit>()[0].record.reason, "retired");
}

TEST(Retire, AskedTwiceSendsOneTerm) {
  Harness core;
  core.fill(small_pool());
  core.feed(RetireAsked{core.worker_in(0)});
  core.feed(RetireAsked{core.worker_in(0)});
  EXPECT_TRUE(core.wants<SignalWorker>().empty());
}

TEST(Retire, OfASpareDismissesIt) {
  Harness core;
  core.fill(small_pool());
  const WorkerId spare = core.spares().at(0);
  core.feed(RetireAsked{spare});
  EXPECT_EQ(core.wants<RemoveWorker>().at(0).worker, spare);
  EXPECT_EQ(core.wants<StartWorker>().size(), 1U);
  EXPECT_TRUE(core.wants<RecordExit>().empty());
}

TEST(Retire, OfAStartingWorkerDismissesItOnceItIsThere) {
  Harness core;
  core.begin(bare_pool(1));
  const WorkerId id = core.wants<StartWorker>().at(0).worker;
  core.feed(RetireAsked{id});
  EXPECT_TRUE(core.wants<RemoveWorker>().empty());
  core.feed(WorkerStarted{id}, GateReady{id});
  EXPECT_EQ(core.wants<RemoveWorker>().at(0).worker, id);
  EXPECT_TRUE(core.wants<ReleaseWorker>().empty());
}

TEST(Kill, IsImmediateAndCutsAGraceShort) {
  Harness core;
  core.fill(small_pool());
  const WorkerId id = core.worker_in(0);
  core.feed(KillAsked{id});
  ASSERT_EQ(core.wants<SignalWorker>().size(), 1U);
  EXPECT_EQ(core.wants<SignalWorker>()[0].signal, StopSignal::kKill);
  core.settle();
  core.feed(RetireAsked{core.worker_in(0)});
  core.feed(KillAsked{core.worker_in(0)});
  ASSERT_EQ(core.wants<SignalWorker>().size(), 1U);
  EXPECT_EQ(core.wants<SignalWorker>()[0].signal, StopSignal::kKill);
}

TEST(Kill, ThatShowsNoExitIsSentAgainButNotOften) {
  Harness core;
  core.fill(small_pool());
  core.feed(KillAsked{core.worker_in(0)});
  EXPECT_TRUE(Harness::of<SignalWorker>(core.run(9s)).empty());
  EXPECT_EQ(Harness::of<SignalWorker>(core.run(2s)).size(), 1U);
  const auto more = Harness::of<SignalWorker>(core.run(1h)).size();
  EXPECT_GE(more, 55U);
  EXPECT_LE(more, 65U);
}

TEST(Stop, WithoutAnyGraceKillsAtOnce) {
  Harness core;
  PoolSettings settings = small_pool();
  settings.stop_grace = 0s;
  core.fill(settings);
  core.feed(RetireAsked{core.worker_in(0)});
  EXPECT_EQ(core.wants<SignalWorker>().size(), 2U);
}

}  // namespace
}  // namespace mayfly::core
