// Starts in flight while the runtime is slower than usual.
#include <gtest/gtest.h>

#include "tests/agent/core/harness.h"

namespace mayfly::core {
namespace {

constexpr int kRoundsToLearn = 20;

/// A node that lets so many starts through at a time, and a pool that wants more than it gets.
class Pace : public testing::Test {
 protected:
  void begin(std::uint32_t inflight_max) {
    Limits limits = roomy();
    limits.starts_inflight_max = inflight_max;
    core_.emplace(limits);
    core_->begin(bare_pool(1000));
  }
  /// All starts in flight are answered after so long; as many as may be follow.
  void round(Duration took) {
    core_->pass(took);
    std::vector<Event> answers;
    for (const WorkerId id : core_->in(WorkerPhase::kStarting)) {
      answers.emplace_back(WorkerStarted{id});
      answers.emplace_back(GateReady{id});
    }
    core_->step(answers);
    slowed_ = slowed_ || core_->told("starts-slow");
    usual_again_ = usual_again_ || core_->told("starts-usual");
    answers.clear();
    for (const WorkerId id : core_->in(WorkerPhase::kReleasing)) {
      answers.emplace_back(WorkerRunning{id, core_->now()});
    }
    core_->step(answers);
  }
  void rounds(int count, Duration took) {
    for (int i = 0; i < count; ++i) round(took);
  }
  [[nodiscard]] std::size_t inflight() const { return core_->in(WorkerPhase::kStarting).size(); }

  std::optional<Harness> core_;
  bool slowed_ = false;
  bool usual_again_ = false;
};

TEST_F(Pace, StartsThatTakeTwiceAsLongHalveHowManyAreInFlight) {
  begin(4);
  rounds(kRoundsToLearn, 100ms);
  EXPECT_EQ(inflight(), 4U);
  EXPECT_FALSE(slowed_);
  rounds(2, 400ms);
  EXPECT_TRUE(slowed_);
  EXPECT_EQ(inflight(), 2U);
  EXPECT_EQ(core_->why(999).reason, EmptyReason::kStartsLimited);
  EXPECT_NE(core_->why(999).detail.find("twice as long"), std::string::npos);
}

TEST_F(Pace, TheyAreAllLetThroughAgainOnceStartsAreAsFastAsUsual) {
  begin(4);
  rounds(kRoundsToLearn, 100ms);
  rounds(2, 400ms);
  ASSERT_EQ(inflight(), 2U);
  rounds(4, 100ms);
  EXPECT_TRUE(usual_again_);
  EXPECT_EQ(inflight(), 4U);
}

TEST_F(Pace, ALittleSlowerIsNotSlow) {
  begin(4);
  rounds(kRoundsToLearn, 100ms);
  rounds(kRoundsToLearn, 180ms);
  EXPECT_FALSE(slowed_);
  EXPECT_EQ(inflight(), 4U);
}

TEST_F(Pace, WhatStaysSlowBecomesTheUsual) {
  begin(4);
  rounds(kRoundsToLearn, 100ms);
  rounds(2, 400ms);
  ASSERT_EQ(inflight(), 2U);
  rounds(40, 400ms);
  EXPECT_EQ(inflight(), 4U);
}

TEST_F(Pace, TheFirstStartsAreNotJudged) {
  begin(1);
  round(10ms);
  rounds(6, 500ms);
  EXPECT_FALSE(slowed_);
}

TEST_F(Pace, OneStartIsAlwaysLetThrough) {
  for (const std::uint32_t most : {1U, 2U, 3U}) {
    begin(most);
    rounds(kRoundsToLearn, 100ms);
    rounds(4, 900ms);
    EXPECT_EQ(inflight(), most == 3 ? 2U : 1U);
  }
}

TEST_F(Pace, AStartWithoutAnAnswerInTimeSaysNothing) {
  begin(1);
  rounds(kRoundsToLearn, 100ms);
  for (int i = 0; i < 3; ++i) {
    const WorkerId late = core_->in(WorkerPhase::kStarting).at(0);
    core_->feed(StartUncertain{late, "no answer in time"});
    core_->pass(10s);
    core_->feed(WorkerStarted{late}, GateReady{late});
  }
  EXPECT_FALSE(core_->model().start_pace.slow);
}

}  // namespace
}  // namespace mayfly::core
