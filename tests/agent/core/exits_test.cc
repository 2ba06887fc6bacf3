// How exits are seen, asked for and classified.
#include <gtest/gtest.h>

#include "tests/agent/core/harness.h"

namespace mayfly::core {
namespace {

struct ClassCase {
  const char* name;
  std::optional<ExitStatus> status;
  bool retired;
  ExitClass expected;
};

class ExitTable : public testing::TestWithParam<ClassCase> {};

TEST_P(ExitTable, GivesTheClassOfTheFirstRowThatMatches) {
  Harness core;
  core.fill(bare_pool(1));
  const WorkerId id = core.worker_in(0);
  if (GetParam().retired) core.feed(RetireAsked{id});
  core.feed(WorkerExited{id, core.now(), std::nullopt});
  core.feed(ExitStatusKnown{id, GetParam().status});
  ASSERT_EQ(core.wants<RecordExit>().size(), 1U);
  EXPECT_EQ(core.wants<RecordExit>()[0].record.exit_class, GetParam().expected);
  EXPECT_EQ(core.wants<RecordExit>()[0].record.status, GetParam().status);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, ExitTable,
    testing::Values(ClassCase{"Zero", ExitStatus{0, 0}, false, ExitClass::kDone},
                    ClassCase{"One", ExitStatus{1, 0}, false, ExitClass::kFail},
                    ClassCase{"Exec", ExitStatus{127, 0}, false, ExitClass::kFail},
                    ClassCase{"Killed", ExitStatus{0, 9}, false, ExitClass::kLost},
                    ClassCase{"Segfault", ExitStatus{0, 11}, false, ExitClass::kLost},
                    ClassCase{"Unknown", std::nullopt, false, ExitClass::kLost},
                    ClassCase{"OursByTerm", ExitStatus{0, 15}, true, ExitClass::kOurs},
                    ClassCase{"OursAndZero", ExitStatus{0, 0}, true, ExitClass::kOurs},
                    ClassCase{"OursAndFailing", ExitStatus{1, 0}, true, ExitClass::kOurs},
                    ClassCase{"OursAndUnknown", std::nullopt, true, ExitClass::kOurs}),
    [](const auto& each) { return each.param.name; });

TEST(Exit, IsCountedOnceByItsClass) {
  Harness core;
  core.fill(bare_pool(1));
  const WorkerId id = core.worker_in(0);
  core.exit(id, {.code = 4, .signal = 0});
  core.exit(id, {.code = 0, .signal = 0});
  core.feed(ExitStatusKnown{id, ExitStatus{0, 0}});
  const std::map<ExitClass, std::uint64_t> expected{{ExitClass::kFail, 1}};
  EXPECT_EQ(core.pool().counters.exits, expected);
}

TEST(Exit, WithoutAStatusIsAskedForUntilTheRuntimeAnswers) {
  Harness core;
  core.fill(bare_pool(1));
  const WorkerId id = core.worker_in(0);
  core.feed(WorkerExited{id, core.now(), std::nullopt});
  ASSERT_EQ(core.wants<QueryExit>().size(), 1U);
  Time asked = core.now();
  for (int i = 0; i < 20; ++i) {
    core.feed(ExitStatusUncertain{id});
    EXPECT_TRUE(core.wants<QueryExit>().empty()) << "not at once";
    while (core.wants<QueryExit>().empty()) core.pass(core.last().wake_at - core.now());
    EXPECT_LE(core.now() - asked, 5s);
    asked = core.now();
  }
  core.feed(ExitStatusKnown{id, ExitStatus{7, 0}});
  ASSERT_EQ(core.wants<RecordExit>().size(), 1U);
  EXPECT_EQ(core.wants<RecordExit>()[0].record.status, (ExitStatus{7, 0}));
}

TEST(Exit, WhoseQueryHasNoAnswerIsAskedForAgain) {
  Harness core;
  core.fill(bare_pool(1));
  core.feed(WorkerExited{core.worker_in(0), core.now(), std::nullopt});
  EXPECT_TRUE(Harness::of<QueryExit>(core.run(9s)).empty());
  EXPECT_EQ(Harness::of<QueryExit>(core.run(2s)).size(), 1U);
}

TEST(Exit, TakesAStatusThatComesWithADoubledEvent) {
  Harness core;
  core.fill(bare_pool(1));
  const WorkerId id = core.worker_in(0);
  core.feed(WorkerExited{id, core.now(), std::nullopt});
  core.exit(id, {.code = 2, .signal = 0});
  ASSERT_EQ(core.wants<RecordExit>().size(), 1U);
  EXPECT_EQ(core.wants<RecordExit>()[0].record.status, (ExitStatus{2, 0}));
}

TEST(Exit, TakesAStatusOverOneThatCannotBeKnownInTheSameStep) {
  Harness core;
  core.fill(bare_pool(1));
  const WorkerId id = core.worker_in(0);
  core.feed(WorkerExited{id, core.now(), std::nullopt});
  core.step({ExitStatusKnown{id, std::nullopt}, WorkerExited{id, core.now(), ExitStatus{7, 0}}});
  ASSERT_EQ(core.wants<RecordExit>().size(), 1U);
  EXPECT_EQ(core.wants<RecordExit>()[0].record.status, (ExitStatus{7, 0}));
}

TEST(Exit, InTheFutureCountsAsNow) {
  Harness core;
  core.fill(bare_pool(1));
  const WorkerId id = core.worker_in(0);
  core.feed(WorkerExited{id, core.now() + 1h, ExitStatus{}});
  EXPECT_EQ(core.worker(id).exited, core.now());
}

TEST(Exit, OfASpareIsNoStartAndFillsNothing) {
  Harness core;
  core.fill(small_pool());
  const WorkerId spare = core.spares().at(0);
  core.exit(spare, {.code = 0, .signal = 0});
  ASSERT_EQ(core.wants<RecordExit>().size(), 1U);
  EXPECT_EQ(core.wants<RecordExit>()[0].record.exit_class, ExitClass::kNoStart);
  EXPECT_EQ(core.wants<RecordExit>()[0].record.slot, std::nullopt);
  EXPECT_TRUE(core.wants<StartWorker>().empty()) << "a broken spare is not replaced in a spin";
  EXPECT_EQ(Harness::of<StartWorker>(core.run(2s)).size(), 1U);
}

TEST(Exit, OfSpareAndWorkerAtOnceReleasesNothing) {
  Harness core;
  core.fill(small_pool());
  const WorkerId spare = core.spares().at(0);
  core.feed(WorkerExited{core.worker_in(0), core.now(), ExitStatus{}},
            WorkerExited{spare, core.now(), ExitStatus{}});
  EXPECT_TRUE(core.wants<ReleaseWorker>().empty());
}

TEST(Exit, QueriesAndRecordsAreOutInBoundedNumbers) {
  Harness core;
  PoolSettings settings = bare_pool(200);
  settings.paused = false;
  core.fill(settings);
  std::vector<Event> exits;
  for (const auto& [index, slot] : core.pool().slots) {
    exits.emplace_back(WorkerExited{slot.worker.value(), core.now(), std::nullopt});
  }
  core.step(exits);
  EXPECT_EQ(core.wants<QueryExit>().size(), 64U);
  std::vector<Event> statuses;
  for (const WorkerId id : core.in(WorkerPhase::kExited)) {
    statuses.emplace_back(ExitStatusKnown{id, ExitStatus{}});
  }
  core.step(statuses);
  const auto records = core.wants<RecordExit>();
  EXPECT_EQ(records.size(), 64U);
  core.feed(ExitRecorded{records[0].record.worker});
  EXPECT_EQ(core.wants<RecordExit>().size(), 1U) << "the next when one is answered";
}

}  // namespace
}  // namespace mayfly::core
