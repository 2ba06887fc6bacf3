// The periodic truth, operations without an answer, and a runtime that goes away.
#include <gtest/gtest.h>

#include "tests/agent/core/harness.h"

namespace mayfly::core {
namespace {

using Seen = std::vector<ObservedWorker>;

void without(Seen& seen, WorkerId id) {
  std::erase_if(seen, [&](const ObservedWorker& each) { return each.worker == id; });
}

ObservedWorker& of(Seen& seen, WorkerId id) {
  return *std::find_if(seen.begin(), seen.end(),
                       [&](const ObservedWorker& each) { return each.worker == id; });
}

ObservedWorker half_there(WorkerId id) {
  ObservedWorker seen = seen_running(id, std::nullopt);
  seen.state = ContainerState::kIncomplete;
  return seen;
}

const auto kUnchanged = [](Seen&) {};

TEST(Inventory, IsTakenEverySoOftenWithRisingNumbers) {
  Harness core;
  core.adopt();
  const Time asked = core.now();
  auto last = core.last_inventory();
  for (int i = 1; i <= 5; ++i) {
    core.await_inventory();
    EXPECT_EQ(core.now(), asked + i * 10s);
    EXPECT_GT(core.last_inventory(), last);
    last = core.last_inventory();
    core.inventory(kUnchanged);
  }
}

TEST(Inventory, WithoutAnAnswerIsAskedForAgainAndTheLateOneIsIgnored) {
  Harness core;
  core.fill(bare_pool(1));
  core.await_inventory();
  const InventoryNumber first = core.last_inventory();
  core.pass(1ns);
  core.await_inventory();
  EXPECT_GT(core.last_inventory(), first);
  core.feed(InventoryTaken{first, {}});
  EXPECT_TRUE(core.slot().worker) << "it is not the one that is out";
}

TEST(Inventory, ThatFailsIsAskedForAgainAtAPace) {
  Harness core;
  core.feed();
  for (const Duration wait : {1s, 2s, 4s, 8s, 10s, 10s}) {
    core.feed(InventoryFailed{core.last_inventory()});
    EXPECT_EQ(core.last().wake_at, core.now() + wait);
    core.pass(wait);
    ASSERT_EQ(core.wants<TakeInventory>().size(), 1U);
  }
}

TEST(Inventory, HintsAskForOneSoonButNotOften) {
  Harness core;
  core.fill(small_pool());
  const WorkerId worker = core.worker_in(0);
  core.feed(RuntimeHinted{worker});
  EXPECT_TRUE(core.wants<TakeInventory>().empty()) << "the last was asked for just now";
  core.pass(1s);
  EXPECT_EQ(core.wants<TakeInventory>().size(), 1U);
  core.feed(RuntimeHinted{worker}, RuntimeHinted{worker});
  EXPECT_TRUE(core.wants<TakeInventory>().empty()) << "one at a time";
  core.inventory(kUnchanged);
  core.pass(1s);
  EXPECT_EQ(core.wants<TakeInventory>().size(), 1U) << "a hint during the list asks for another";
}

TEST(Inventory, IsNotAskedForByHintsAtWhatIsKnown) {
  Harness core;
  core.fill(small_pool());
  core.pass(2s);
  const WorkerId ended = core.worker_in(0);
  core.exit(ended);
  const WorkerId starting = core.in(WorkerPhase::kStarting).at(0);
  for (const WorkerId known : {ended, starting, WorkerId{4711}}) {
    core.feed(RuntimeHinted{known});
    EXPECT_TRUE(core.wants<TakeInventory>().empty());
  }
  core.settle();
  core.feed(RuntimeHinted{ended});
  EXPECT_TRUE(core.wants<TakeInventory>().empty()) << "its removal";
  core.feed(RuntimeHinted{core.worker_in(0)});
  EXPECT_EQ(core.wants<TakeInventory>().size(), 1U);
}

TEST(Inventory, AbsenceEndsAWorkerWithAnUnknownStatus) {
  Harness core;
  core.fill(small_pool());
  const WorkerId lost = core.worker_in(0);
  core.await_inventory();
  core.inventory([&](Seen& seen) { without(seen, lost); });
  EXPECT_EQ(core.wants<ReleaseWorker>().size(), 1U) << "its slot is filled again";
  ASSERT_EQ(core.wants<RecordExit>().size(), 1U);
  const ExitRecord record = core.wants<RecordExit>()[0].record;
  EXPECT_EQ(record.exit_class, ExitClass::kLost);
  EXPECT_EQ(record.status, std::nullopt);
  EXPECT_EQ(record.exited, std::nullopt);
  core.feed(ExitRecorded{lost});
  EXPECT_EQ(core.wants<RemoveWorker>().size(), 1U);
}

TEST(Inventory, AbsenceSaysNothingOfAWorkerWhoseStartWasAnsweredLater) {
  Harness core;
  core.fill(bare_pool(1));
  core.await_inventory();
  core.exit(core.worker_in(0));
  const WorkerId young = core.wants<StartWorker>().at(0).worker;
  core.feed(WorkerStarted{young}, GateReady{young});
  core.inventory([&](Seen& seen) { without(seen, young); });
  EXPECT_EQ(core.slot().worker, young);
  core.settle();
  core.await_inventory();
  core.inventory([&](Seen& seen) { without(seen, young); });
  EXPECT_NE(core.slot().worker, young) << "the next one counts";
}

TEST(Inventory, AbsenceSaysNothingOfAWorkerThatIsStarting) {
  Harness core;
  core.begin(bare_pool(1));
  core.await_inventory();
  core.inventory(kUnchanged);
  EXPECT_EQ(core.in(WorkerPhase::kStarting).size(), 1U);
}

TEST(Inventory, AStoppedWorkerHasExitedWithTheStatusThatIsKnown) {
  Harness core;
  core.fill(small_pool());
  const WorkerId id = core.worker_in(0);
  core.await_inventory();
  core.inventory([&](Seen& seen) {
    of(seen, id).state = ContainerState::kStopped;
    of(seen, id).status = ExitStatus{3, 0};
  });
  EXPECT_EQ(core.wants<ReleaseWorker>().size(), 1U);
  ASSERT_EQ(core.wants<RecordExit>().size(), 1U);
  EXPECT_EQ(core.wants<RecordExit>()[0].record.status, (ExitStatus{3, 0}));
  EXPECT_EQ(core.wants<RecordExit>()[0].record.exit_class, ExitClass::kFail);
}

TEST(Inventory, AStoppedWorkerWithoutAStatusIsAskedAbout) {
  Harness core;
  core.fill(small_pool());
  const WorkerId id = core.worker_in(0);
  core.await_inventory();
  core.inventory([&](Seen& seen) { of(seen, id).state = ContainerState::kStopped; });
  EXPECT_EQ(core.wants<QueryExit>().at(0).worker, id);
}

TEST(Inventory, ABrokenSpareThatIsGoneIsRecordedAsNotStarted) {
  Harness core;
  core.fill(small_pool());
  const WorkerId spare = core.spares().at(0);
  core.await_inventory();
  core.inventory([&](Seen& seen) { without(seen, spare); });
  ASSERT_EQ(core.wants<RecordExit>().size(), 1U);
  EXPECT_EQ(core.wants<RecordExit>()[0].record.exit_class, ExitClass::kNoStart);
}

TEST(Inventory, SettlesAnExitWhoseStatusNobodyTells) {
  Harness core;
  core.fill(bare_pool(1));
  const WorkerId id = core.worker_in(0);
  core.feed(WorkerExited{id, core.now(), std::nullopt});
  core.await_inventory();
  core.inventory([&](Seen& seen) { without(seen, id); });
  ASSERT_EQ(core.wants<RecordExit>().size(), 1U);
  EXPECT_EQ(core.wants<RecordExit>()[0].record.status, std::nullopt);
}

TEST(Inventory, DismissesStrangersThatNeverRan) {
  Harness core;
  core.fill(bare_pool(1));
  core.await_inventory();
  core.inventory([](Seen& seen) {
    seen.push_back(seen_running(WorkerId{7}, std::nullopt));
    seen.push_back(half_there(WorkerId{8}));
  });
  EXPECT_EQ(core.wants<RemoveWorker>().size(), 2U);
  EXPECT_TRUE(core.wants<SignalWorker>().empty());
}

TEST(Inventory, DoesNotReviveWhatWasRemovedWhileItWasTaken) {
  Harness core;
  core.fill(small_pool());
  const WorkerId gone = core.worker_in(0);
  core.exit(gone);
  core.await_inventory();
  const Seen before = core.truth();
  core.feed(ExitRecorded{gone});
  core.feed(WorkerRemoved{gone});
  core.feed(InventoryTaken{core.last_inventory(), before});
  EXPECT_FALSE(core.knows(gone));
}

TEST(Inventory, StopsAStrangerThatRunsInAFullPool) {
  Harness core;
  core.fill(bare_pool(1));
  core.await_inventory();
  core.inventory([](Seen& seen) { seen.push_back(seen_running(WorkerId{7}, 0)); });
  ASSERT_EQ(core.wants<SignalWorker>().size(), 1U);
  EXPECT_EQ(core.wants<SignalWorker>()[0].worker, WorkerId{7});
}

TEST(Uncertain, WaitsForAnInventoryThatWasAskedForLater) {
  Harness core;
  core.begin(bare_pool(1));
  const WorkerId id = core.wants<StartWorker>().at(0).worker;
  core.await_inventory();
  core.feed(StartUncertain{id, "timeout"});
  core.inventory(kUnchanged);
  EXPECT_EQ(core.worker(id).phase, WorkerPhase::kUncertain) << "asked for before the doubt";
  core.pass(1s);
  ASSERT_EQ(core.wants<TakeInventory>().size(), 1U) << "the next is asked for soon";
  core.inventory([&](Seen& seen) { seen.push_back(seen_running(id, std::nullopt)); });
  EXPECT_EQ(core.worker(id).phase, WorkerPhase::kHeld);
  core.feed(GateReady{id});
  EXPECT_EQ(core.wants<ReleaseWorker>().size(), 1U);
}

TEST(Uncertain, ComesFromAStartWithoutAnAnswer) {
  Harness core;
  core.begin(bare_pool(1));
  const WorkerId id = core.wants<StartWorker>().at(0).worker;
  core.run(59s);
  EXPECT_EQ(core.worker(id).phase, WorkerPhase::kStarting);
  core.run(1s);
  EXPECT_EQ(core.worker(id).phase, WorkerPhase::kUncertain);
}

TEST(Uncertain, ThatIsAbsentIsRemovedAllTheSameAndCountsAsAFailure) {
  Harness core;
  core.begin(bare_pool(1));
  const WorkerId id = core.wants<StartWorker>().at(0).worker;
  core.feed(StartUncertain{id, "timeout"});
  core.await_inventory();
  core.inventory(kUnchanged);
  ASSERT_EQ(core.wants<RemoveWorker>().size(), 1U);
  EXPECT_TRUE(core.wants<RecordExit>().empty());
  EXPECT_EQ(core.pool().starts.failures, 1U);
  core.feed(WorkerRemoved{id});
  EXPECT_FALSE(core.knows(id));
}

TEST(Uncertain, ThatIsHalfThereIsRemoved) {
  Harness core;
  core.begin(bare_pool(1));
  const WorkerId id = core.wants<StartWorker>().at(0).worker;
  core.feed(StartUncertain{id, "timeout"});
  core.await_inventory();
  core.inventory([&](Seen& seen) { seen.push_back(half_there(id)); });
  EXPECT_EQ(core.wants<RemoveWorker>().at(0).worker, id);
}

TEST(Uncertain, TakesALateAnswerForTheTruth) {
  Harness core;
  core.begin(bare_pool(2));
  const auto starts = core.wants<StartWorker>();
  core.feed(StartUncertain{starts[0].worker, "timeout"},
            StartUncertain{starts[1].worker, "timeout"});
  core.feed(GateReady{starts[0].worker}, WorkerStarted{starts[0].worker});
  EXPECT_EQ(core.wants<ReleaseWorker>().size(), 1U);
  core.feed(StartFailed{starts[1].worker, "undone"});
  EXPECT_FALSE(core.knows(starts[1].worker));
}

TEST(Runtime, WhileItIsDownNothingStartsOrIsRemovedButSparesAreReleased) {
  Harness core;
  core.fill(small_pool());
  const WorkerId first = core.worker_in(0);
  core.feed(RuntimeLost{"connection refused"});
  EXPECT_TRUE(core.told("runtime-lost"));
  core.exit(first);
  EXPECT_EQ(core.wants<ReleaseWorker>().size(), 1U);
  EXPECT_TRUE(core.wants<StartWorker>().empty());
  core.feed(WorkerRunning{core.worker_in(0), core.now()}, ExitRecorded{first});
  EXPECT_TRUE(core.wants<RemoveWorker>().empty());
  core.exit(core.worker_in(0));
  EXPECT_EQ(core.why().reason, EmptyReason::kRuntimeDown);
  EXPECT_EQ(core.why().detail, "connection refused");
  core.feed(RuntimeFound{});
  EXPECT_TRUE(core.told("runtime-found"));
  EXPECT_EQ(core.wants<StartWorker>().size(), 2U);
  EXPECT_EQ(core.wants<RemoveWorker>().size(), 1U);
}

TEST(Runtime, WhileItIsDownExitsAreAskedForAndRecorded) {
  Harness core;
  core.fill(small_pool());
  const WorkerId id = core.worker_in(0);
  core.feed(RuntimeLost{"connection refused"});
  core.feed(WorkerExited{id, core.now(), std::nullopt});
  EXPECT_EQ(core.wants<QueryExit>().size(), 1U);
  core.feed(ExitStatusKnown{id, ExitStatus{1, 0}});
  EXPECT_EQ(core.wants<RecordExit>().size(), 1U);
}

TEST(Runtime, ThatIsFoundIsListed) {
  Harness core;
  core.fill(small_pool());
  core.run(5s);
  core.feed(RuntimeLost{"gone"});
  core.feed(RuntimeFound{});
  EXPECT_EQ(core.wants<TakeInventory>().size(), 1U);
}

TEST(Runtime, ALostWordThatItIsBackIsMadeUpForByAnInventory) {
  Harness core;
  core.fill(bare_pool(1));
  core.feed(RuntimeLost{"gone"});
  core.exit(core.worker_in(0));
  EXPECT_TRUE(core.wants<StartWorker>().empty());
  core.await_inventory();
  core.inventory(kUnchanged);
  EXPECT_EQ(core.wants<StartWorker>().size(), 1U);
}

TEST(Runtime, AnInventoryFromBeforeTheLossDoesNotBringItBack) {
  Harness core;
  core.fill(bare_pool(1));
  core.await_inventory();
  core.feed(RuntimeLost{"gone"});
  core.inventory(kUnchanged);
  EXPECT_FALSE(core.model().runtime_up);
}

TEST(Core, WakesForNothingButTheInventoryWhenIdle) {
  Harness core;
  core.fill(small_pool());
  core.await_inventory();
  core.inventory(kUnchanged);
  const Time asked = core.now();
  EXPECT_EQ(core.last().wake_at, asked + 10s);
  int steps = 0;
  while (core.now() < asked + 10min) {
    core.pass(core.last().wake_at - core.now());
    if (!core.wants<TakeInventory>().empty()) core.inventory(kUnchanged);
    ++steps;
  }
  EXPECT_LE(steps, 61);
}

}  // namespace
}  // namespace mayfly::core
