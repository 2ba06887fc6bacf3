// A node that is cordoned or drained: what it starts, what it lets finish, and when it is over.
#include "agent/core/node.h"

#include <gtest/gtest.h>

#include "agent/core/words.h"
#include "tests/agent/core/harness.h"

namespace mayfly::core {
namespace {

NodeDesired open_node() {
  return {};
}

NodeDesired drained(Time until = kNever) {
  return {{.scheduling = Scheduling::kDrained, .drain_until = until}};
}

NodeDesired cordoned(const std::map<PoolName, std::uint32_t>& kept) {
  return {{.scheduling = Scheduling::kCordoned, .kept = kept}};
}

PoolSettings with_grace(PoolSettings settings, Duration grace) {
  settings.stop_grace = grace;
  return settings;
}

std::size_t count(const Decision& decision, StopSignal signal) {
  const auto signals = Harness::of<SignalWorker>(decision);
  return static_cast<std::size_t>(
      std::count_if(signals.begin(), signals.end(),
                    [&](const SignalWorker& each) { return each.signal == signal; }));
}

// ---- cordon

TEST(Cordon, KeepsRespawningWhatIsThere) {
  Harness core;
  core.fill(small_pool());
  core.feed(cordoned({{"p", 1}}));
  EXPECT_TRUE(core.told(words::kNodeCordoned));
  core.exit(core.worker_in(0));
  EXPECT_EQ(core.wants<ReleaseWorker>().size(), 1U);
  core.settle();
  EXPECT_EQ(core.spares().size(), 1U) << "and has a spare made for the next";
  EXPECT_EQ(core.model().node_state, NodeState::kCordoned);
}

TEST(Cordon, AddsNoWorkerToAPool) {
  Harness core;
  core.fill(bare_pool(2));
  core.feed(cordoned({{"p", 2}}));
  core.feed(PoolDesired{bare_pool(4)});
  EXPECT_TRUE(Harness::of<StartWorker>(core.run(1min)).empty());
  EXPECT_EQ(core.why(2).reason, EmptyReason::kNodeCordoned);
  EXPECT_EQ(core.why(3).reason, EmptyReason::kNodeCordoned);
  EXPECT_NE(core.why(3).detail.find("mayfly node undrain"), std::string::npos);
  EXPECT_EQ(core.why(0).reason, EmptyReason::kNone);
  core.exit(core.worker_in(0));
  core.await_worker(0);
  EXPECT_EQ(core.why(2).reason, EmptyReason::kNodeCordoned) << "the respawn takes its own slot";
}

TEST(Cordon, MakesNothingForAPoolThatCameAfterIt) {
  Harness core;
  core.fill(bare_pool(1));
  core.feed(cordoned({{"p", 1}}));
  const PoolSettings other = small_pool("other");
  core.step({PoolDesired{other}});
  core.feed(RevisionPrepared{"other", other.revision});
  EXPECT_TRUE(Harness::of<StartWorker>(core.run(1min)).empty());
  EXPECT_EQ(core.why(0, "other").reason, EmptyReason::kNodeCordoned);
}

TEST(Cordon, LeavesAPoolThatIsScaledDownAndUpWhatItHad) {
  Harness core;
  core.fill(bare_pool(3));
  core.feed(cordoned({{"p", 3}}));
  core.feed(PoolDesired{bare_pool(1)});
  for (const WorkerId worker : core.in(WorkerPhase::kStopping)) core.exit(worker);
  core.settle();
  ASSERT_EQ(core.pool().slots.size(), 1U);
  core.feed(PoolDesired{bare_pool(5)});
  EXPECT_EQ(core.wants<StartWorker>().size(), 2U) << "as many as it had when it was cordoned";
}

TEST(Cordon, HoldsAfterARestartForTheSlotsThatNobodyIsIn) {
  Harness core;
  core.step({PoolDesired{bare_pool(4)}, cordoned({{"p", 2}})});
  core.adopt({seen_running(WorkerId{7}, 3)});
  core.feed(RevisionPrepared{"p", Revision{1}});
  EXPECT_EQ(core.wants<StartWorker>().size(), 1U) << "one of the two that it keeps is taken";
  core.settle();
  EXPECT_EQ(core.why(3).reason, EmptyReason::kNone);
  std::size_t held_back = 0;
  for (const auto& [index, slot] : core.pool().slots) held_back += slot.withheld ? 1U : 0U;
  EXPECT_EQ(held_back, 2U);
}

TEST(Cordon, LetsAWorkerGoWhoseReleaseWasCutShortOnlyIntoASlotThatItKeeps) {
  for (const std::uint32_t kept : {0U, 1U}) {
    Harness core;
    core.step({PoolDesired{bare_pool(1)}, cordoned({{"p", kept}})});
    core.adopt({seen_running(WorkerId{7}, 0)});
    core.feed(GateReady{WorkerId{7}});
    EXPECT_EQ(core.wants<ReleaseWorker>().size(), kept);
    EXPECT_EQ(core.wants<RemoveWorker>().size(), 1 - kept);
  }
}

TEST(Cordon, IsUndoneWithAllThatWasHeldBack) {
  Harness core;
  core.fill(bare_pool(1));
  core.feed(cordoned({{"p", 1}}));
  core.feed(PoolDesired{bare_pool(3)});
  core.feed(open_node());
  EXPECT_TRUE(core.told(words::kNodeOpen));
  EXPECT_EQ(core.wants<StartWorker>().size(), 2U);
  core.settle();
  EXPECT_EQ(core.why(2).reason, EmptyReason::kNone);
}

TEST(Cordon, KeepsWhatEachPoolIsMeantToHave) {
  Harness core;
  core.fill(bare_pool(3));
  const std::map<PoolName, std::uint32_t> all{{"p", 3}};
  EXPECT_EQ(slots_to_keep(core.model()), all);
  core.feed(PoolDropped{"p"});
  EXPECT_EQ(slots_to_keep(core.model()).at("p"), 0U);
}

// ---- drain

TEST(Drain, StartsNothingAndDismissesSpares) {
  Harness core;
  core.fill(small_pool());
  const WorkerId spare = core.spares().at(0);
  core.step({WorkerExited{core.worker_in(0), core.now(), ExitStatus{}}, drained()});
  EXPECT_TRUE(core.told(words::kNodeDraining));
  EXPECT_TRUE(core.wants<ReleaseWorker>().empty());
  EXPECT_TRUE(core.wants<StartWorker>().empty());
  ASSERT_EQ(core.wants<RemoveWorker>().size(), 1U);
  EXPECT_EQ(core.wants<RemoveWorker>()[0].worker, spare);
  EXPECT_TRUE(Harness::of<StartWorker>(core.run(10min)).empty());
}

TEST(Drain, PreparesNoImage) {
  Harness core;
  core.adopt();
  core.step({drained(), PoolDesired{small_pool()}});
  EXPECT_TRUE(Harness::of<PrepareRevision>(core.run(10min)).empty());
  core.feed(open_node());
  EXPECT_EQ(core.wants<PrepareRevision>().size(), 1U);
}

TEST(Drain, WaitsForEverWithoutADeadline) {
  Harness core;
  core.fill(bare_pool(2));
  core.feed(drained());
  EXPECT_TRUE(Harness::of<SignalWorker>(core.run(24h)).empty());
  EXPECT_EQ(core.model().node_state, NodeState::kDraining);
}

TEST(Drain, StopsWhatRunsAtItsDeadlineWithItsGrace) {
  Harness core;
  core.fill(with_grace(bare_pool(3), 10s));
  core.feed(drained(core.now() + 1h));
  EXPECT_TRUE(Harness::of<SignalWorker>(core.run(1h - 1ns)).empty());
  EXPECT_EQ(count(core.run(1ns), StopSignal::kTerm), 3U);
  EXPECT_EQ(count(core.run(10s - 1ns), StopSignal::kKill), 0U);
  EXPECT_EQ(count(core.run(1ns), StopSignal::kKill), 3U);
}

TEST(Drain, StopsWhatRunsAtOnceWhereTheDeadlineIsOver) {
  Harness core;
  core.step({PoolDesired{bare_pool(1)}, drained(core.now() - 1s)});
  core.adopt({seen_running(WorkerId{7}, 0)});
  EXPECT_EQ(count(core.last(), StopSignal::kTerm), 1U) << "it passed while nobody was here";
}

TEST(Drain, TakesAnotherDeadline) {
  Harness core;
  core.fill(bare_pool(1));
  core.feed(drained(core.now() + 1h));
  core.feed(drained(core.now() + 2h));
  EXPECT_FALSE(core.told(words::kNodeDraining)) << "it is already";
  EXPECT_TRUE(Harness::of<SignalWorker>(core.run(2h - 1ns)).empty());
  core.feed(drained(core.now()));
  EXPECT_EQ(count(core.last(), StopSignal::kTerm), 1U);
}

TEST(Drain, CallsTheEndsOursThatItBroughtAbout) {
  Harness core;
  core.fill(bare_pool(2));
  const WorkerId late = core.worker_in(1);
  core.feed(drained(core.now() + 1min));
  core.exit(core.worker_in(0), {.code = 0, .signal = 0});
  ASSERT_EQ(core.wants<RecordExit>().size(), 1U);
  EXPECT_EQ(core.wants<RecordExit>()[0].record.exit_class, ExitClass::kDone);
  core.run(1min);
  core.exit(late, {.code = 143, .signal = 0});
  ASSERT_EQ(core.wants<RecordExit>().size(), 1U);
  EXPECT_EQ(core.wants<RecordExit>()[0].record.exit_class, ExitClass::kOurs);
  EXPECT_EQ(core.wants<RecordExit>()[0].record.reason, "node drained");
}

TEST(Drain, IsOverWhenNoWorkerIsLeft) {
  Harness core;
  core.fill(bare_pool(1));
  core.feed(drained());
  core.exit(core.worker_in(0));
  EXPECT_EQ(core.model().node_state, NodeState::kDraining) << "its container is still there";
  core.settle();
  EXPECT_EQ(core.model().node_state, NodeState::kDrained);
  EXPECT_EQ(core.why(0).reason, EmptyReason::kNodeDrained);
  EXPECT_NE(core.why(0).detail.find("mayfly node undrain"), std::string::npos);
  core.feed(drained(core.now() + 1h));
  EXPECT_EQ(core.model().node_state, NodeState::kDrained) << "ordered again, it stays so";
}

TEST(Drain, IsNotOverBeforeTheRuntimeHasToldWhatRuns) {
  Harness core;
  core.step({PoolDesired{bare_pool(1)}, drained()});
  EXPECT_EQ(core.model().node_state, NodeState::kDraining);
  core.adopt();
  EXPECT_EQ(core.model().node_state, NodeState::kDrained);
}

TEST(Drain, GoesOnWhenAWorkerTurnsUp) {
  Harness core;
  core.fill(bare_pool(1));
  core.feed(drained());
  core.exit(core.worker_in(0));
  core.settle();
  ASSERT_EQ(core.model().node_state, NodeState::kDrained);
  core.await_inventory();
  core.inventory(
      [](std::vector<ObservedWorker>& seen) { seen.push_back(seen_running(WorkerId{77}, 0)); });
  EXPECT_TRUE(core.told(words::kNodeDraining));
  EXPECT_EQ(core.model().node_state, NodeState::kDraining);
}

TEST(Drain, GivesTheHostsReasonWhereBothAreSo) {
  Harness core;
  core.fill(bare_pool(1));
  const WorkerId worker = core.worker_in(0);
  core.step({drained(core.now() + 1h), HostShutdownBegan{core.now() + 60s}});
  EXPECT_EQ(count(core.run(60s), StopSignal::kTerm), 1U) << "the host waits for less";
  core.exit(worker);
  EXPECT_EQ(core.why(0).reason, EmptyReason::kHostShutdown);
  core.feed(HostShutdownCancelled{});
  EXPECT_EQ(core.why(0).reason, EmptyReason::kNodeDrained) << "the drain outlives the shutdown";
}

// ---- undrain

TEST(Undrain, FillsTheFreeSlotsAlone) {
  Harness core;
  core.fill(bare_pool(2));
  const WorkerId stays = core.worker_in(1);
  core.feed(drained(core.now() + 1h));
  core.exit(core.worker_in(0));
  core.settle();
  core.feed(open_node());
  EXPECT_EQ(core.wants<StartWorker>().size(), 1U);
  core.settle();
  EXPECT_EQ(core.worker_in(1), stays);
  EXPECT_TRUE(Harness::of<SignalWorker>(core.run(2h)).empty()) << "its deadline is no more";
}

TEST(Undrain, WaitsForTheOldWorkerOfASlot) {
  Harness core;
  core.fill(with_grace(bare_pool(1), 1h));
  const WorkerId old = core.worker_in(0);
  core.feed(drained(core.now()));
  core.feed(open_node());
  EXPECT_TRUE(Harness::of<StartWorker>(core.run(1min)).empty());
  EXPECT_EQ(core.worker_in(0), old) << "it was told to stop, and has not yet";
  EXPECT_EQ(core.worker(old).phase, WorkerPhase::kStopping);
  core.exit(old);
  EXPECT_EQ(core.wants<StartWorker>().size(), 1U);
}

}  // namespace
}  // namespace mayfly::core
