// One worker from its start to its removal, in a world that answers well or badly.
#include <gtest/gtest.h>

#include "tests/agent/core/harness.h"

namespace mayfly::core {
namespace {

TEST(Core, StartsNothingBeforeItsFirstInventory) {
  Harness core;
  core.feed(PoolDesired{small_pool()}, RevisionPrepared{"p", Revision{1}});
  EXPECT_TRUE(core.wants<StartWorker>().empty());
  ASSERT_EQ(core.wants<TakeInventory>().size(), 1U);
  core.feed(InventoryTaken{core.last_inventory(), {}});
  EXPECT_EQ(core.wants<StartWorker>().size(), 2U) << "one for the slot, one spare";
}

TEST(Core, GivesOutIdsFromTheFirstOneOnWithoutRepeating) {
  Harness core(roomy(), WorkerId{500});
  core.begin(bare_pool(3));
  const auto starts = core.wants<StartWorker>();
  ASSERT_EQ(starts.size(), 3U);
  EXPECT_EQ(starts[0].worker, WorkerId{500});
  EXPECT_EQ(starts[1].worker, WorkerId{501});
  EXPECT_EQ(starts[2].worker, WorkerId{502});
}

TEST(Pool, ReplacesAWorkerThatExits) {
  Harness core;
  core.fill(small_pool());
  const WorkerId first = core.worker_in(0);
  const WorkerId spare = core.spares().at(0);
  core.exit(first);
  ASSERT_FALSE(core.last().actions.empty());
  const auto* release = std::get_if<ReleaseWorker>(&core.last().actions.front());
  ASSERT_NE(release, nullptr) << "the release comes before everything else";
  EXPECT_EQ(release->slot, 0U);
  EXPECT_EQ(release->worker, spare);
  EXPECT_EQ(core.wants<StartWorker>().size(), 1U) << "a new spare behind it";
  EXPECT_EQ(core.pool().counters.spare_hits, 1U);
  EXPECT_EQ(core.pool().counters.spare_misses, 0U);
}

TEST(Pool, ReplacesAWorkerBeforeTheStatusOfItsExitIsKnown) {
  Harness core;
  core.fill(small_pool());
  const WorkerId first = core.worker_in(0);
  core.feed(WorkerExited{first, core.now(), std::nullopt});
  EXPECT_EQ(core.wants<ReleaseWorker>().size(), 1U);
  ASSERT_EQ(core.wants<QueryExit>().size(), 1U);
  EXPECT_EQ(core.wants<QueryExit>()[0].worker, first);
}

TEST(Pool, WithoutASpareStartsAContainerOnExitAndCountsAMiss) {
  Harness core;
  core.fill(bare_pool(1));
  core.exit(core.worker_in(0));
  EXPECT_TRUE(core.wants<ReleaseWorker>().empty());
  ASSERT_EQ(core.wants<StartWorker>().size(), 1U);
  EXPECT_EQ(core.pool().counters.spare_misses, 1U);
  core.settle();
  EXPECT_TRUE(core.slot().worker);
}

TEST(Worker, IsASpareOnlyOnceStartedAndReady) {
  Harness core;
  core.begin(bare_pool(1));
  const WorkerId id = core.wants<StartWorker>().at(0).worker;
  core.feed(GateReady{id});
  EXPECT_TRUE(core.wants<ReleaseWorker>().empty()) << "its end would not be seen yet";
  core.feed(WorkerStarted{id});
  ASSERT_EQ(core.wants<ReleaseWorker>().size(), 1U);
  EXPECT_EQ(core.worker(id).phase, WorkerPhase::kReleasing);
}

TEST(Worker, IsReleasedOnceHoweverOftenItsGateSaysReady) {
  Harness core;
  core.begin(bare_pool(1));
  const WorkerId id = core.wants<StartWorker>().at(0).worker;
  core.feed(WorkerStarted{id}, GateReady{id});
  ASSERT_EQ(core.wants<ReleaseWorker>().size(), 1U);
  core.feed(GateReady{id}, WorkerStarted{id});
  EXPECT_TRUE(core.wants<ReleaseWorker>().empty());
  core.feed(WorkerRunning{id, core.now()}, GateReady{id});
  EXPECT_TRUE(core.wants<ReleaseWorker>().empty());
}

TEST(Worker, IsRecordedThenRemovedThenForgotten) {
  Harness core;
  core.fill(small_pool());
  const WorkerId id = core.worker_in(0);
  core.exit(id, {.code = 0, .signal = 0});
  ASSERT_EQ(core.wants<RecordExit>().size(), 1U);
  EXPECT_TRUE(core.wants<RemoveWorker>().empty()) << "not before its record is durable";
  core.feed(ExitRecorded{id});
  ASSERT_EQ(core.wants<RemoveWorker>().size(), 1U);
  core.feed(WorkerRemoved{id});
  EXPECT_FALSE(core.knows(id));
  core.feed(WorkerRemoved{id}, ExitRecorded{id}, WorkerExited{id, core.now(), std::nullopt});
  EXPECT_FALSE(core.knows(id)) << "late doubles change nothing";
}

TEST(Worker, IsToldOfFromItsStartToItsEnd) {
  Harness core;
  std::vector<std::string> told;
  const auto listen = [&](const Decision& decision) {
    for (const Transition& each : decision.transitions) {
      if (each.worker == WorkerId{100}) told.push_back(each.what);
    }
  };
  listen(core.begin(bare_pool(1)));
  listen(core.feed(WorkerStarted{WorkerId{100}}));
  listen(core.feed(GateReady{WorkerId{100}}));
  listen(core.feed(WorkerRunning{WorkerId{100}, core.now()}));
  listen(core.exit(WorkerId{100}, {.code = 1, .signal = 0}));
  listen(core.feed(ExitRecorded{WorkerId{100}}));
  listen(core.feed(WorkerRemoved{WorkerId{100}}));
  EXPECT_EQ(told, (std::vector<std::string>{"starting", "started", "ready", "released", "running",
                                            "exited", "classified", "backoff", "removed"}));
}

TEST(Worker, CarriesItsTimesAndGapIntoTheRecord) {
  Harness core;
  core.fill(small_pool());
  const Time ended = core.now();
  core.exit(core.worker_in(0));
  const WorkerId next = core.wants<ReleaseWorker>().at(0).worker;
  core.pass(3ms);
  core.feed(WorkerRunning{next, ended + 2ms});
  core.pass(1s);
  core.exit(next, {.code = 3, .signal = 0});
  ASSERT_EQ(core.wants<RecordExit>().size(), 1U);
  const ExitRecord record = core.wants<RecordExit>()[0].record;
  EXPECT_EQ(record.worker, next);
  EXPECT_EQ(record.pool, "p");
  EXPECT_EQ(record.revision, Revision{1});
  EXPECT_EQ(record.slot, 0U);
  EXPECT_EQ(record.exit_class, ExitClass::kFail);
  EXPECT_EQ(record.status, (ExitStatus{3, 0}));
  EXPECT_EQ(record.released, ended);
  EXPECT_EQ(record.running, ended + 2ms);
  EXPECT_EQ(record.exited, ended + 3ms + 1s);
  EXPECT_EQ(record.respawn_gap, Duration(2ms));
  EXPECT_TRUE(record.start_asked && record.ready);
}

TEST(Worker, WhoseRecordHasNoAnswerIsRecordedAgainTheSame) {
  Harness core;
  core.fill(bare_pool(1));
  const WorkerId id = core.worker_in(0);
  core.exit(id);
  const ExitRecord record = core.wants<RecordExit>().at(0).record;
  const auto again = Harness::of<RecordExit>(core.run(25s));
  ASSERT_EQ(again.size(), 2U);
  EXPECT_EQ(again[0].record, record);
  EXPECT_EQ(core.pool().counters.exits.at(ExitClass::kDone), 1U) << "and counted once";
}

TEST(Worker, WhoseRemovalFailsIsRemovedAgainForEver) {
  Harness core;
  core.fill(bare_pool(1));
  const WorkerId id = core.worker_in(0);
  core.exit(id);
  core.feed(ExitRecorded{id});
  ASSERT_EQ(core.wants<RemoveWorker>().size(), 1U);
  for (int i = 0; i < 20; ++i) {
    core.feed(RemoveFailed{id, "busy"});
    EXPECT_TRUE(core.wants<RemoveWorker>().empty()) << "not at once";
    const auto again = Harness::of<RemoveWorker>(core.run(30s));
    ASSERT_EQ(again.size(), 1U) << "but within 30 s";
  }
  core.feed(WorkerRemoved{id});
  EXPECT_FALSE(core.knows(id));
}

TEST(Worker, WhoseRemovalHasNoAnswerIsRemovedAgain) {
  Harness core;
  core.fill(bare_pool(1));
  const WorkerId id = core.worker_in(0);
  core.exit(id);
  core.feed(ExitRecorded{id});
  EXPECT_EQ(Harness::of<RemoveWorker>(core.run(59s)).size(), 0U);
  EXPECT_EQ(Harness::of<RemoveWorker>(core.run(2s)).size(), 1U);
}

TEST(Worker, ThatExitsBeforeItsStartIsAnsweredNeverFillsASlot) {
  Harness core;
  core.begin(bare_pool(1));
  const WorkerId id = core.wants<StartWorker>().at(0).worker;
  core.exit(id, {.code = 1, .signal = 0});
  ASSERT_EQ(core.wants<RecordExit>().size(), 1U);
  EXPECT_EQ(core.wants<RecordExit>()[0].record.exit_class, ExitClass::kNoStart);
  core.feed(WorkerStarted{id}, GateReady{id});
  EXPECT_TRUE(core.wants<ReleaseWorker>().empty());
}

TEST(Worker, WhoseGateIsNeverReadyIsRecordedAsNotStarted) {
  Harness core;
  core.begin(bare_pool(1));
  const WorkerId id = core.wants<StartWorker>().at(0).worker;
  core.feed(WorkerStarted{id});
  EXPECT_TRUE(Harness::of<RecordExit>(core.run(29s)).empty());
  const auto records = Harness::of<RecordExit>(core.run(2s));
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].record.exit_class, ExitClass::kNoStart);
  EXPECT_EQ(records[0].record.slot, std::nullopt);
  EXPECT_FALSE(records[0].record.reason.empty());
}

TEST(Worker, WhoseGateComesBackInTimeIsASpareAgain) {
  Harness core;
  core.fill(small_pool());
  const WorkerId spare = core.spares().at(0);
  core.feed(GateLost{spare, "reset"});
  EXPECT_TRUE(core.spares().empty());
  EXPECT_TRUE(Harness::of<RecordExit>(core.run(29s)).empty());
  core.feed(GateReady{spare});
  EXPECT_TRUE(Harness::of<RecordExit>(core.run(29s)).empty());
  core.exit(core.worker_in(0));
  EXPECT_EQ(core.wants<ReleaseWorker>().at(0).worker, spare);
}

TEST(Worker, WhoseGateIsLostForTooLongIsReplacedWithItsReason) {
  Harness core;
  core.fill(small_pool());
  const WorkerId spare = core.spares().at(0);
  core.feed(GateLost{spare, "protocol error"});
  const auto records = Harness::of<RecordExit>(core.run(31s));
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].record.worker, spare);
  EXPECT_EQ(records[0].record.reason, "protocol error");
}

TEST(Worker, WhoseGateIsLostBeforeTheRuntimeHasAnsweredIsReplacedWithItsReason) {
  Harness core;
  core.begin(bare_pool(1));
  const WorkerId id = core.wants<StartWorker>().at(0).worker;
  core.feed(GateLost{id, "protocol error"});
  core.feed(WorkerStarted{id});
  const auto records = Harness::of<RecordExit>(core.run(31s));
  ASSERT_FALSE(records.empty());
  EXPECT_EQ(records[0].record.reason, "protocol error");
}

TEST(Worker, ReasonsFromOutsideAreCutBeforeTheyAreKept) {
  Harness core;
  core.fill(small_pool());
  core.feed(GateLost{core.spares().at(0), std::string(1 << 20, 'x')});
  for (const auto& [id, worker] : core.model().workers) EXPECT_LE(worker.fault.size(), 512U);
}

TEST(Release, ThatFailsKeepsItsReasonWhenTheProcessExitsByItself) {
  Harness core;
  core.begin(bare_pool(1));
  const WorkerId id = core.wants<StartWorker>().at(0).worker;
  core.feed(WorkerStarted{id}, GateReady{id});
  core.feed(ReleaseFailed{id, "exec /nope: no such file"});
  core.exit(id, {.code = 127, .signal = 0});
  ASSERT_EQ(core.wants<RecordExit>().size(), 1U);
  EXPECT_EQ(core.wants<RecordExit>()[0].record.exit_class, ExitClass::kFail);
  EXPECT_EQ(core.wants<RecordExit>()[0].record.reason, "exec /nope: no such file");
}

TEST(Release, ThatFailsWithoutAnExitIsKilledAndIsNotOurs) {
  Harness core;
  core.begin(bare_pool(1));
  const WorkerId id = core.wants<StartWorker>().at(0).worker;
  core.feed(WorkerStarted{id}, GateReady{id});
  core.feed(ReleaseFailed{id, "no answer"});
  const auto signals = Harness::of<SignalWorker>(core.run(2s));
  ASSERT_EQ(signals.size(), 1U);
  EXPECT_EQ(signals[0].signal, StopSignal::kKill);
  core.exit(id, {.code = 0, .signal = 9});
  ASSERT_EQ(core.wants<RecordExit>().size(), 1U);
  EXPECT_EQ(core.wants<RecordExit>()[0].record.exit_class, ExitClass::kNoStart);
}

TEST(Release, ThatShowsNoExecInTimeIsKilled) {
  Harness core;
  core.begin(bare_pool(1));
  const WorkerId id = core.wants<StartWorker>().at(0).worker;
  core.feed(WorkerStarted{id}, GateReady{id});
  EXPECT_TRUE(Harness::of<SignalWorker>(core.run(4900ms)).empty());
  EXPECT_EQ(Harness::of<SignalWorker>(core.run(200ms)).size(), 1U);
  EXPECT_EQ(core.slot().worker, id) << "it fills its slot until it was seen to end";
}

TEST(Release, ThatWorkedAfterAllMakesTheKillOurs) {
  Harness core;
  core.begin(bare_pool(1));
  const WorkerId id = core.wants<StartWorker>().at(0).worker;
  core.feed(WorkerStarted{id}, GateReady{id});
  core.run(6s);
  ASSERT_EQ(core.worker(id).phase, WorkerPhase::kStopping);
  core.feed(WorkerRunning{id, core.now()});
  core.exit(id, {.code = 0, .signal = 9});
  ASSERT_EQ(core.wants<RecordExit>().size(), 1U);
  EXPECT_EQ(core.wants<RecordExit>()[0].record.exit_class, ExitClass::kOurs);
  EXPECT_FALSE(core.wants<RecordExit>()[0].record.reason.empty());
}

TEST(Release, IsNotSentAgainWhenTheSameBatchForbidsIt) {
  PoolSettings paused = bare_pool(1);
  paused.paused = true;
  PoolSettings fewer = bare_pool(0);
  fewer.surplus = Surplus::kAwaited;
  for (const Event& forbids :
       {Event(PoolDesired{paused}), Event(PoolDropped{"p"}), Event(PoolDesired{fewer})}) {
    Harness core;
    core.begin(bare_pool(1));
    const WorkerId id = core.wants<StartWorker>().at(0).worker;
    core.feed(WorkerStarted{id}, GateReady{id});
    core.feed(ReleaseFailed{id, "not connected"});
    core.feed(GateReady{id}, Event(forbids));
    EXPECT_TRUE(core.wants<ReleaseWorker>().empty());
  }
}

TEST(Release, ThatFailedIsSentAgainWhenTheGateComesBack) {
  Harness core;
  core.begin(bare_pool(1));
  const WorkerId id = core.wants<StartWorker>().at(0).worker;
  core.feed(WorkerStarted{id}, GateReady{id});
  core.feed(ReleaseFailed{id, "not connected"});
  core.feed(GateReady{id});
  ASSERT_EQ(core.wants<ReleaseWorker>().size(), 1U);
  EXPECT_EQ(core.wants<ReleaseWorker>()[0].slot, 0U);
  core.feed(WorkerRunning{id, core.now()});
  EXPECT_TRUE(Harness::of<SignalWorker>(core.run(1h)).empty());
}

TEST(Release, ThatFailedIsNotSentAgainWhereOneLessIsWanted) {
  PoolSettings settings = bare_pool(2);
  settings.surplus = Surplus::kAwaited;
  Harness core;
  core.fill(settings);
  core.exit(core.worker_in(0));
  const WorkerId id = core.wants<StartWorker>().at(0).worker;
  core.feed(WorkerStarted{id}, GateReady{id});
  core.feed(ReleaseFailed{id, "not connected"});
  settings.replicas = 1;
  core.feed(PoolDesired{settings});
  core.feed(GateReady{id});
  EXPECT_TRUE(core.wants<ReleaseWorker>().empty()) << "the other lives, and one is wanted";
  ASSERT_EQ(core.wants<SignalWorker>().size(), 1U);
  EXPECT_EQ(core.wants<SignalWorker>()[0].worker, id);
  core.exit(id, {.code = 0, .signal = 15});
  EXPECT_EQ(core.wants<RecordExit>().at(0).record.exit_class, ExitClass::kOurs);
  EXPECT_EQ(core.pool().slots.size(), 1U);
}

}  // namespace
}  // namespace mayfly::core
