// What an earlier run of the agent has left.
#include <gtest/gtest.h>

#include "tests/agent/core/harness.h"

namespace mayfly::core {
namespace {

ObservedWorker running(std::uint64_t id, std::optional<SlotIndex> slot,
                       std::uint32_t revision = 1) {
  ObservedWorker seen = seen_running(WorkerId{id}, slot);
  seen.revision = Revision{revision};
  return seen;
}

ObservedWorker stopped(std::uint64_t id, std::optional<SlotIndex> slot,
                       std::optional<ExitStatus> status) {
  ObservedWorker seen = seen_running(WorkerId{id}, slot);
  seen.state = ContainerState::kStopped;
  seen.status = status;
  return seen;
}

/// A pool that is desired before the first inventory is answered.
void adopt(Harness& core, PoolSettings settings, std::vector<ObservedWorker> left) {
  core.feed(PoolDesired{std::move(settings)});
  core.feed(InventoryTaken{core.last_inventory(), std::move(left)});
}

TEST(Adoption, KeepsRunningWorkersInTheirSlots) {
  Harness core;
  adopt(core, bare_pool(2), {running(11, 1), running(12, 0)});
  EXPECT_EQ(core.worker_in(1), WorkerId{11});
  EXPECT_EQ(core.worker_in(0), WorkerId{12});
  EXPECT_TRUE(core.wants<StartWorker>().empty());
  EXPECT_TRUE(core.wants<SignalWorker>().empty());
  EXPECT_TRUE(core.worker(WorkerId{11}).adopted);
}

TEST(Adoption, KeepsAnIndexThatIsNotContiguous) {
  Harness core;
  adopt(core, bare_pool(2), {running(11, 7), running(12, 1)});
  EXPECT_EQ(core.worker_in(7), WorkerId{11});
  EXPECT_EQ(core.worker_in(1), WorkerId{12});
  EXPECT_EQ(core.pool().slots.size(), 2U);
}

TEST(Adoption, GivesAnotherSlotWhereTheOwnOneIsTaken) {
  Harness core;
  adopt(core, bare_pool(2), {running(11, 0), running(12, 0)});
  EXPECT_EQ(core.worker_in(0), WorkerId{11});
  EXPECT_EQ(core.worker_in(1), WorkerId{12});
}

TEST(Adoption, PlacesWorkersInSlotsThatAreDesiredInTheSameBatch) {
  Harness core;
  core.feed();
  core.feed(PoolDesired{bare_pool(2)},
            InventoryTaken{core.last_inventory(), {running(11, 0), running(12, 0)}});
  EXPECT_EQ(core.worker_in(0), WorkerId{11});
  EXPECT_EQ(core.worker_in(1), WorkerId{12});
  EXPECT_TRUE(core.wants<SignalWorker>().empty());
}

TEST(Adoption, AGateThatIsLostBeforeTheFirstInventoryIsNotReleased) {
  Harness core;
  core.feed(PoolDesired{bare_pool(1)});
  core.feed(GateReady{WorkerId{11}});
  core.feed(GateLost{WorkerId{11}, "x"});
  core.feed(InventoryTaken{core.last_inventory(), {running(11, 0)}});
  EXPECT_TRUE(core.wants<ReleaseWorker>().empty());
}

TEST(Adoption, StopsWhatIsTooMany) {
  Harness core;
  adopt(core, bare_pool(1), {running(11, 0), running(12, 1), running(13, 2)});
  EXPECT_EQ(core.wants<SignalWorker>().size(), 2U);
  EXPECT_EQ(core.worker_in(0), WorkerId{11});
  core.settle();
  EXPECT_EQ(core.pool().slots.size(), 1U);
  EXPECT_EQ(core.model().workers.size(), 1U);
}

TEST(Adoption, ASlotIsNotFilledBesideAWorkerOfADroppedPoolThatIsRevived) {
  Harness core;
  core.adopt({running(11, 0)});
  core.begin(bare_pool(1));
  EXPECT_TRUE(core.wants<StartWorker>().empty());
  EXPECT_EQ(core.worker_in(0), WorkerId{11});
  core.exit(WorkerId{11}, {.code = 0, .signal = 15});
  core.await_worker();
}

TEST(Adoption, AnExitAfterItIsReplacedAndRecorded) {
  Harness core;
  adopt(core, bare_pool(1), {running(11, 0)});
  core.feed(RevisionPrepared{"p", Revision{1}});
  core.exit(WorkerId{11}, {.code = 5, .signal = 0});
  ASSERT_EQ(core.wants<RecordExit>().size(), 1U);
  EXPECT_EQ(core.wants<RecordExit>()[0].record.status, (ExitStatus{5, 0}));
  EXPECT_EQ(core.wants<RecordExit>()[0].record.start_asked, std::nullopt);
  core.await_worker();
}

TEST(Adoption, AHeldWorkerIsASpareOnceItsGateIsBack) {
  Harness core;
  adopt(core, small_pool(), {running(11, 0), running(12, std::nullopt)});
  EXPECT_TRUE(core.spares().empty());
  core.feed(GateReady{WorkerId{12}});
  EXPECT_EQ(core.spares().size(), 1U);
  core.exit(WorkerId{11});
  EXPECT_EQ(core.wants<ReleaseWorker>().at(0).worker, WorkerId{12});
}

TEST(Adoption, RemembersGatesThatWereReadyBeforeTheFirstInventory) {
  Harness core;
  core.feed(PoolDesired{bare_pool(1)});
  core.feed(GateReady{WorkerId{12}}, GateReady{WorkerId{13}}, GateLost{WorkerId{13}, "x"});
  core.feed(InventoryTaken{core.last_inventory(),
                           {running(12, std::nullopt), running(13, std::nullopt)}});
  ASSERT_EQ(core.wants<ReleaseWorker>().size(), 1U);
  EXPECT_EQ(core.wants<ReleaseWorker>()[0].worker, WorkerId{12});
}

TEST(Adoption, RemembersAnExitThatWasSeenBeforeTheFirstInventory) {
  Harness core;
  core.feed(PoolDesired{bare_pool(1)});
  core.exit(WorkerId{11}, {.code = 3, .signal = 0});
  core.feed(InventoryTaken{core.last_inventory(), {running(11, 0)}});
  EXPECT_FALSE(core.slot().worker);
  ASSERT_EQ(core.wants<RecordExit>().size(), 1U);
  EXPECT_EQ(core.wants<RecordExit>()[0].record.status, (ExitStatus{3, 0}));
}

TEST(Adoption, AHeldWorkerWhoseGateStaysAwayIsReplaced) {
  Harness core;
  adopt(core, bare_pool(1), {running(12, std::nullopt)});
  core.feed(RevisionPrepared{"p", Revision{1}});
  const auto records = Harness::of<RecordExit>(core.run(31s));
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].record.exit_class, ExitClass::kNoStart);
}

TEST(Adoption, HeldWorkersOfUnknownOrOlderRevisionsAreDismissed) {
  Harness core;
  PoolSettings settings = small_pool();
  settings.revision = Revision{3};
  adopt(core, settings,
        {running(11, 0, 3), running(12, std::nullopt, 2), running(13, std::nullopt, 0)});
  EXPECT_EQ(core.wants<RemoveWorker>().size(), 2U);
  EXPECT_TRUE(core.wants<RecordExit>().empty());
}

TEST(Adoption, GoesOnWithTheRevisionThatRanUntilTheNewOneIsStaged) {
  Harness core;
  PoolSettings settings = small_pool();
  settings.revision = Revision{2};
  adopt(core, settings, {running(11, 0, 1), running(12, std::nullopt, 1)});
  EXPECT_EQ(core.pool().active, Revision{1});
  core.feed(GateReady{WorkerId{12}});
  core.exit(WorkerId{11});
  EXPECT_EQ(core.wants<ReleaseWorker>().at(0).worker, WorkerId{12});
  core.feed(RevisionPrepared{"p", Revision{2}});
  const WorkerId staged = core.wants<StartWorker>().at(0).worker;
  core.feed(WorkerStarted{staged}, GateReady{staged});
  EXPECT_EQ(core.pool().active, Revision{2});
}

TEST(Adoption, NothingOfTheDesiredRevisionStartsBeforeItsImageIsThere) {
  Harness core;
  adopt(core, bare_pool(2), {running(11, 0, 1)});
  EXPECT_TRUE(core.wants<StartWorker>().empty());
  EXPECT_EQ(core.why(1).reason, EmptyReason::kPulling);
  core.feed(RevisionPrepared{"p", Revision{1}});
  EXPECT_EQ(core.wants<StartWorker>().size(), 1U);
}

TEST(Adoption, RecordsWhatEndedWhileNobodyWatched) {
  Harness core;
  adopt(core, bare_pool(1),
        {stopped(11, 0, ExitStatus{0, 0}), stopped(12, 1, std::nullopt), stopped(13, {}, {})});
  ASSERT_EQ(core.wants<RecordExit>().size(), 1U);
  EXPECT_EQ(core.wants<RecordExit>()[0].record.worker, WorkerId{11});
  EXPECT_EQ(core.wants<RecordExit>()[0].record.exited, std::nullopt);
  EXPECT_EQ(core.wants<QueryExit>().at(0).worker, WorkerId{12});
  EXPECT_EQ(core.wants<RemoveWorker>().at(0).worker, WorkerId{13}) << "it never ran";
}

TEST(Adoption, WhatIsIncompleteIsRemovedAndRecordedOnlyIfItRan) {
  Harness core;
  ObservedWorker never = running(11, std::nullopt);
  never.state = ContainerState::kIncomplete;
  ObservedWorker ran = running(12, 0);
  ran.state = ContainerState::kIncomplete;
  adopt(core, bare_pool(1), {never, ran});
  EXPECT_EQ(core.wants<RemoveWorker>().at(0).worker, WorkerId{11});
  EXPECT_EQ(core.wants<QueryExit>().at(0).worker, WorkerId{12});
  core.feed(ExitStatusKnown{WorkerId{12}, std::nullopt});
  EXPECT_EQ(core.wants<RecordExit>().at(0).record.exit_class, ExitClass::kLost);
}

TEST(Adoption, RetiresTheWorkersOfAPoolThatIsNoMore) {
  Harness core;
  ObservedWorker busy = running(11, 0);
  busy.pool = "old";
  ObservedWorker held = running(12, std::nullopt);
  held.pool = "old";
  core.feed();
  core.feed(InventoryTaken{core.last_inventory(), {busy, held}});
  EXPECT_EQ(core.wants<SignalWorker>().at(0).signal, StopSignal::kTerm);
  EXPECT_EQ(core.wants<RemoveWorker>().at(0).worker, WorkerId{12});
  const auto records = Harness::of<RecordExit>(core.settle());
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].record.pool, "old");
  EXPECT_EQ(records[0].record.exit_class, ExitClass::kOurs);
  EXPECT_TRUE(core.model().pools.empty());
}

TEST(Adoption, APoolDesiredInTheSameBatchKeepsItsWorkers) {
  Harness core;
  core.feed();
  core.feed(InventoryTaken{core.last_inventory(), {running(12, std::nullopt)}},
            PoolDesired{bare_pool(1)});
  EXPECT_TRUE(core.wants<RemoveWorker>().empty());
  EXPECT_EQ(core.worker(WorkerId{12}).phase, WorkerPhase::kHeld);
}

TEST(Adoption, ReleasesAgainWhereTheMarkerWasWrittenButTheReleaseNeverSent) {
  Harness core;
  adopt(core, bare_pool(1), {running(11, 0)});
  core.feed(GateReady{WorkerId{11}});
  ASSERT_EQ(core.wants<ReleaseWorker>().size(), 1U);
  EXPECT_EQ(core.wants<ReleaseWorker>()[0].worker, WorkerId{11});
  EXPECT_EQ(core.wants<ReleaseWorker>()[0].slot, 0U);
  core.feed(WorkerRunning{WorkerId{11}, core.now()});
  core.feed(GateReady{WorkerId{11}});
  EXPECT_TRUE(core.wants<ReleaseWorker>().empty()) << "it runs by now";
}

TEST(Adoption, DoesNotReleaseAgainWhatIsNotWantedAnyMore) {
  PoolSettings paused = bare_pool(1);
  paused.paused = true;
  PoolSettings newer = bare_pool(2);
  newer.revision = Revision{2};
  PoolSettings awaited = bare_pool(0);
  awaited.surplus = Surplus::kAwaited;
  const std::vector<std::pair<PoolSettings, std::vector<ObservedWorker>>> cases{
      {paused, {running(11, 0)}},
      {newer, {running(11, 0), running(12, 1, 2)}},
      {bare_pool(0), {running(11, 0)}},
      {awaited, {running(11, 0)}}};
  for (const auto& [settings, left] : cases) {
    Harness core;
    adopt(core, settings, left);
    core.feed(GateReady{WorkerId{11}});
    EXPECT_TRUE(core.wants<ReleaseWorker>().empty());
    EXPECT_EQ(core.wants<RemoveWorker>().at(0).worker, WorkerId{11});
    EXPECT_TRUE(core.wants<RecordExit>().empty()) << "it never ran";
    EXPECT_EQ(core.slot().worker, WorkerId{11}) << "while its marker may claim the slot again";
    core.feed(WorkerRemoved{WorkerId{11}});
    for (const auto& [index, slot] : core.pool().slots) EXPECT_NE(slot.worker, WorkerId{11});
  }
}

TEST(Adoption, ScalingDownTakesASlotThatIsBeingClearedBeforeABusyOne) {
  PoolSettings settings = bare_pool(2);
  settings.paused = true;
  Harness core;
  adopt(core, settings, {running(11, 0), running(12, 1)});
  core.feed(GateReady{WorkerId{11}});
  ASSERT_EQ(core.worker(WorkerId{11}).phase, WorkerPhase::kRemoving);
  core.feed(PoolDesired{bare_pool(1)});
  EXPECT_TRUE(core.wants<SignalWorker>().empty());
  core.feed(WorkerRemoved{WorkerId{11}});
  EXPECT_EQ(core.pool().slots.size(), 1U);
  EXPECT_EQ(core.worker_in(1), WorkerId{12});
}

TEST(Adoption, NeverGivesOutAnIdThatIsSeen) {
  Harness core(roomy(), WorkerId{100});
  adopt(core, bare_pool(2), {running(4000, 0)});
  core.feed(RevisionPrepared{"p", Revision{1}});
  EXPECT_EQ(core.wants<StartWorker>().at(0).worker, WorkerId{4001});
}

TEST(Adoption, SeesOneWorkerThatIsListedTwice) {
  Harness core;
  adopt(core, bare_pool(2), {running(11, 0), running(11, 1)});
  EXPECT_EQ(core.worker_in(0), WorkerId{11});
  EXPECT_FALSE(core.slot(1).worker);
}

TEST(Adoption, AStrangerThatRunsLaterFillsAFreeSlot) {
  Harness core;
  adopt(core, bare_pool(1), {});
  core.await_inventory();
  core.inventory([](auto& seen) { seen.push_back(running(11, 0)); });
  EXPECT_EQ(core.worker_in(0), WorkerId{11});
}

}  // namespace
}  // namespace mayfly::core
