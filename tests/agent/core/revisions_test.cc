// A changed spec: prepared, staged, then every exit is replaced by it.
#include <gtest/gtest.h>

#include "tests/agent/core/harness.h"

namespace mayfly::core {
namespace {

PoolSettings at(PoolSettings settings, std::uint32_t revision) {
  settings.revision = Revision{revision};
  return settings;
}

TEST(Revision, IsPreparedBeforeAnythingStarts) {
  Harness core;
  core.feed(PoolDesired{small_pool()});
  ASSERT_EQ(core.wants<PrepareRevision>().size(), 1U);
  core.feed(InventoryTaken{core.last_inventory(), {}});
  EXPECT_TRUE(core.wants<StartWorker>().empty());
  EXPECT_EQ(core.why().reason, EmptyReason::kPulling);
  core.feed(RevisionPrepared{"p", Revision{1}});
  EXPECT_EQ(core.wants<StartWorker>().size(), 2U);
}

TEST(Revision, ThatCannotBePreparedIsTriedAgainEverMoreSlowly) {
  Harness core;
  core.adopt();
  core.feed(PoolDesired{small_pool()});
  Duration expected = 1s;
  for (int i = 0; i < 10; ++i) {
    core.feed(RevisionFailed{"p", Revision{1}, "no such image"});
    EXPECT_EQ(core.why().reason, EmptyReason::kNoImage);
    EXPECT_EQ(core.why().detail, "no such image");
    EXPECT_EQ(core.why().next_attempt, core.now() + expected);
    EXPECT_TRUE(Harness::of<PrepareRevision>(core.run(expected - 1ns)).empty());
    core.pass(1ns);
    ASSERT_EQ(core.wants<PrepareRevision>().size(), 1U);
    EXPECT_EQ(core.why().reason, EmptyReason::kPulling);
    EXPECT_EQ(core.why().detail, "again, after: no such image");
    expected = std::min<Duration>(expected * 2, 60s);
  }
  core.feed(RevisionFailed{"p", Revision{1}, "no such image"});
  core.feed(ResetAsked{"p"});
  EXPECT_EQ(core.wants<PrepareRevision>().size(), 1U);
}

TEST(Revision, WithoutAnAnswerIsPreparedAgain) {
  Harness core;
  core.adopt();
  core.feed(PoolDesired{small_pool()});
  EXPECT_TRUE(Harness::of<PrepareRevision>(core.run(59s)).empty());
  EXPECT_EQ(Harness::of<PrepareRevision>(core.run(2s)).size(), 1U);
}

TEST(Revision, ThatIsBeingPulledLeavesThePoolOnTheOldOne) {
  Harness core;
  core.fill(small_pool());
  core.feed(PoolDesired{at(small_pool(), 2)});
  ASSERT_EQ(core.wants<PrepareRevision>().at(0).revision, Revision{2});
  // For minutes: exits go on being replaced, and spares made, of the revision that is there.
  for (int minute = 0; minute < 5; ++minute) {
    core.pass(60s);
    const WorkerId spare = core.spares().at(0);
    core.exit(core.worker_in(0));
    ASSERT_EQ(core.wants<ReleaseWorker>().at(0).worker, spare) << minute;
    const auto starts = core.wants<StartWorker>();
    ASSERT_EQ(starts.size(), 1U) << minute;
    EXPECT_EQ(starts[0].revision, Revision{1});
    core.feed(WorkerRunning{spare, core.now()}, WorkerStarted{starts[0].worker},
              GateReady{starts[0].worker});
  }
  EXPECT_EQ(core.pool().active, Revision{1});
  core.feed(RevisionPrepared{"p", Revision{2}});
  EXPECT_EQ(core.wants<StartWorker>().at(0).revision, Revision{2});
}

TEST(Revision, ThatIsNotAskedForWhileTheRuntimeIsAwayWaitsForThat) {
  Harness core;
  core.adopt();
  core.feed(RuntimeLost{"gone"});
  core.feed(PoolDesired{small_pool()});
  EXPECT_EQ(core.why().reason, EmptyReason::kRuntimeDown);
  EXPECT_EQ(core.why().detail, "gone");
}

TEST(Revision, IsStagedWhileTheOldOneGoesOnThenReplacesItOnExit) {
  Harness core;
  PoolSettings settings = small_pool();
  settings.replicas = 2;
  core.fill(settings);
  core.feed(PoolDesired{at(settings, 2)});
  core.feed(RevisionPrepared{"p", Revision{2}});
  const auto starts = core.wants<StartWorker>();
  ASSERT_EQ(starts.size(), 1U) << "one spare of the new revision";
  EXPECT_EQ(starts[0].revision, Revision{2});
  EXPECT_TRUE(core.wants<SignalWorker>().empty()) << "busy workers are untouched";

  const WorkerId old_spare = core.spares().at(0);
  core.exit(core.worker_in(0));
  ASSERT_EQ(core.wants<ReleaseWorker>().size(), 1U);
  EXPECT_EQ(core.wants<ReleaseWorker>()[0].worker, old_spare) << "the pool goes on meanwhile";
  EXPECT_TRUE(core.wants<StartWorker>().empty()) << "no new spares in stock of the old revision";
  core.feed(WorkerRunning{old_spare, core.now()});

  core.feed(WorkerStarted{starts[0].worker});
  EXPECT_EQ(core.pool().active, Revision{1}) << "nothing could be released yet";
  core.feed(GateReady{starts[0].worker});
  EXPECT_EQ(core.pool().active, Revision{2});
  core.exit(core.worker_in(1));
  ASSERT_EQ(core.wants<ReleaseWorker>().size(), 1U);
  EXPECT_EQ(core.wants<ReleaseWorker>()[0].worker, starts[0].worker);
  EXPECT_TRUE(core.wants<SignalWorker>().empty());
}

TEST(Revision, OldSparesAreDismissedOnceTheNewOneIsActive) {
  Harness core;
  core.fill(small_pool());
  const WorkerId old_spare = core.spares().at(0);
  core.feed(PoolDesired{at(small_pool(), 2)});
  core.feed(RevisionPrepared{"p", Revision{2}});
  const WorkerId staged = core.wants<StartWorker>().at(0).worker;
  core.feed(WorkerStarted{staged}, GateReady{staged});
  ASSERT_EQ(core.wants<RemoveWorker>().size(), 1U);
  EXPECT_EQ(core.wants<RemoveWorker>()[0].worker, old_spare);
  EXPECT_TRUE(core.wants<RecordExit>().empty()) << "it never ran";
  EXPECT_TRUE(core.told("dismissed"));
}

TEST(Revision, NoOldSpareIsReleasedInTheStepThatSwitches) {
  Harness core;
  core.fill(small_pool());
  const WorkerId running = core.worker_in(0);
  core.feed(PoolDesired{at(small_pool(), 2)});
  core.feed(RevisionPrepared{"p", Revision{2}});
  const WorkerId staged = core.wants<StartWorker>().at(0).worker;
  core.feed(WorkerExited{running, core.now(), ExitStatus{}}, WorkerStarted{staged},
            GateReady{staged});
  ASSERT_EQ(core.wants<ReleaseWorker>().size(), 1U);
  EXPECT_EQ(core.wants<ReleaseWorker>()[0].worker, staged);
}

TEST(Revision, AStartOfTheOldOneThatComesLateIsDismissed) {
  Harness core;
  core.fill(small_pool());
  core.exit(core.worker_in(0));
  const WorkerId late = core.wants<StartWorker>().at(0).worker;
  core.feed(PoolDesired{at(small_pool(), 2)});
  core.feed(RevisionPrepared{"p", Revision{2}});
  const WorkerId staged = core.wants<StartWorker>().at(0).worker;
  core.feed(WorkerStarted{staged}, GateReady{staged});
  core.feed(GateReady{late}, WorkerStarted{late});
  EXPECT_EQ(core.worker(late).phase, WorkerPhase::kRemoving);
}

TEST(Revision, SwitchesAtOnceInAPoolWithoutSpares) {
  Harness core;
  core.fill(bare_pool(1));
  core.feed(PoolDesired{at(bare_pool(1), 2)});
  core.feed(RevisionPrepared{"p", Revision{2}});
  EXPECT_EQ(core.pool().active, Revision{2});
  EXPECT_TRUE(core.wants<StartWorker>().empty());
  core.exit(core.worker_in(0));
  EXPECT_EQ(core.wants<StartWorker>().at(0).revision, Revision{2});
}

TEST(Revision, ThatCannotStartDoesNotHarmTheOldOne) {
  Harness core;
  core.fill(small_pool());
  core.feed(PoolDesired{at(small_pool(), 2)});
  core.feed(RevisionPrepared{"p", Revision{2}});
  for (int i = 0; i < 5; ++i) {
    const auto starts = core.wants<StartWorker>();
    ASSERT_EQ(starts.size(), 1U);
    ASSERT_EQ(starts[0].revision, Revision{2});
    core.feed(StartFailed{starts[0].worker, "bad image"});
    core.exit(core.worker_in(0));
    for (const StartWorker& start : core.wants<StartWorker>()) {
      EXPECT_EQ(start.revision, Revision{1});
    }
    core.settle();
    EXPECT_TRUE(core.slot().worker) << "the slot is refilled from the old revision";
    core.pass(core.pool().staging.not_before - core.now());
  }
  EXPECT_EQ(core.pool().active, Revision{1});
  EXPECT_EQ(core.pool().starts.failures, 0U);
}

TEST(Revision, IsStagedEvenIfTheOldOneCannotStart) {
  Limits limits = roomy();
  limits.starts_inflight_max = 1;
  Harness core(limits);
  core.begin(small_pool());
  core.feed(StartFailed{core.wants<StartWorker>().at(0).worker, "bad image"});
  core.feed(PoolDesired{at(small_pool(), 2)});
  core.feed(RevisionPrepared{"p", Revision{2}});
  for (int i = 0; i < 50 && core.pool().active != Revision{2}; ++i) {
    for (const WorkerId id : core.in(WorkerPhase::kStarting)) {
      if (core.worker(id).revision == Revision{1}) {
        core.feed(StartFailed{id, "bad image"});
      } else {
        core.feed(WorkerStarted{id}, GateReady{id});
      }
    }
    core.pass(100ms);
  }
  EXPECT_EQ(core.pool().active, Revision{2});
}

TEST(Revision, ThatBecomesActiveEndsTheWaitsForTheOldOne) {
  Harness core;
  core.fill(bare_pool(1));
  core.exit(core.worker_in(0), {.code = 1, .signal = 0});
  ASSERT_GT(core.slot().not_before, core.now());
  core.feed(PoolDesired{at(bare_pool(1), 2)});
  core.feed(RevisionPrepared{"p", Revision{2}});
  EXPECT_LE(core.slot().not_before, core.now());
  EXPECT_EQ(core.pool().failures, 0U);
}

TEST(Revision, NumbersNeverGoBack) {
  Harness core;
  core.fill(at(small_pool(), 5));
  PoolSettings back = at(small_pool(), 4);
  back.replicas = 2;
  core.feed(PoolDesired{back});
  EXPECT_TRUE(core.told("revision-refused"));
  EXPECT_EQ(core.pool().settings.revision, Revision{5});
  EXPECT_EQ(core.pool().settings.replicas, 2U) << "the other settings apply";
  for (const StartWorker& start : core.wants<StartWorker>()) {
    EXPECT_EQ(start.revision, Revision{5});
  }
}

TEST(Revision, AnswersAboutAnotherOneChangeNothing) {
  Harness core;
  core.fill(small_pool());
  core.feed(PoolDesired{at(small_pool(), 3)});
  core.feed(RevisionPrepared{"p", Revision{2}}, RevisionFailed{"p", Revision{2}, "x"},
            RevisionPrepared{"p", Revision{4}}, RevisionPrepared{"q", Revision{3}});
  EXPECT_EQ(core.pool().prepared, Revision{1});
  EXPECT_TRUE(core.pool().prepare_failure.empty());
}

TEST(Revision, ANewerOneTakesOverFromOneThatIsBeingStaged) {
  Harness core;
  core.fill(small_pool());
  core.feed(PoolDesired{at(small_pool(), 2)});
  core.feed(RevisionPrepared{"p", Revision{2}});
  const WorkerId second = core.wants<StartWorker>().at(0).worker;
  core.feed(PoolDesired{at(small_pool(), 3)});
  core.feed(RevisionPrepared{"p", Revision{3}});
  const WorkerId third = core.wants<StartWorker>().at(0).worker;
  core.feed(WorkerStarted{second}, GateReady{second});
  EXPECT_EQ(core.pool().active, Revision{1});
  EXPECT_EQ(core.worker(second).phase, WorkerPhase::kRemoving);
  core.feed(WorkerStarted{third}, GateReady{third});
  EXPECT_EQ(core.pool().active, Revision{3});
}

}  // namespace
}  // namespace mayfly::core
