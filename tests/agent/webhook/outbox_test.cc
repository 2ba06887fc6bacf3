#include "agent/webhook/outbox.h"

#include <gtest/gtest.h>

#include <vector>

namespace mayfly::webhook {
namespace {

using namespace std::chrono_literals;
using Outcome = Outbox::Outcome;

constexpr Time kStart{1h};

class OutboxTest : public testing::Test {
 protected:
  void put(int count, Time now = kStart) {
    for (int i = 0; i < count; ++i) outbox_.put({std::to_string(++last_), "body", now});
  }
  /// The id of what is to be sent now; "" = nothing is.
  std::string take(Time now = kStart) {
    const Letter* letter = outbox_.take(now);
    return letter == nullptr ? "" : letter->id;
  }

  Outbox outbox_{7};
  int last_ = 0;
};

TEST_F(OutboxTest, GivesOneAtATimeInOrder) {
  put(2);
  EXPECT_EQ(take(), "1");
  EXPECT_EQ(take(), "") << "the first is on its way";
  EXPECT_EQ(outbox_.due(), core::kNever);
  outbox_.settle(Outcome::kTaken, kStart);
  EXPECT_EQ(take(), "2");
  outbox_.settle(Outcome::kTaken, kStart);
  EXPECT_TRUE(outbox_.is_empty());
  EXPECT_EQ(outbox_.due(), core::kNever);
  EXPECT_EQ(outbox_.sent(), 2U);
}

TEST_F(OutboxTest, TriesTheSameOneAgainLaterAndLater) {
  put(2);
  Time now = kStart;
  std::vector<core::Duration> waits;
  for (int i = 0; i < 8; ++i) {
    ASSERT_EQ(take(now), "1");
    outbox_.settle(Outcome::kFailed, now);
    EXPECT_TRUE(outbox_.is_failing());
    EXPECT_EQ(take(outbox_.due() - 1ms), "") << "not before it is due";
    waits.push_back(outbox_.due() - now);
    now = outbox_.due();
  }
  EXPECT_LE(waits.front(), 1s);
  EXPECT_GE(waits.front(), 500ms);
  EXPECT_GE(waits.back(), 15s);
  EXPECT_LE(waits.back(), 30s);
  ASSERT_EQ(take(now), "1");
  outbox_.settle(Outcome::kTaken, now);
  EXPECT_FALSE(outbox_.is_failing());
  ASSERT_EQ(take(now), "2");
  outbox_.settle(Outcome::kFailed, now);
  EXPECT_LE(outbox_.due() - now, 1s) << "what worked is not held against the next";
}

TEST_F(OutboxTest, DoesNotTryAgainWhatIsRefused) {
  put(2);
  (void)take();
  outbox_.settle(Outcome::kRefused, kStart);
  EXPECT_EQ(take(), "2");
  EXPECT_EQ(outbox_.refused(), 1U);
}

TEST_F(OutboxTest, DropsTheOldestOfTooManyButNotTheOneOnItsWay) {
  put(1);
  ASSERT_EQ(take(), "1");
  put(static_cast<int>(Outbox::kWaitingMax) + 9);
  EXPECT_EQ(outbox_.waiting(), Outbox::kWaitingMax);
  EXPECT_EQ(outbox_.dropped(), 10U);
  outbox_.settle(Outcome::kFailed, kStart);
  EXPECT_EQ(take(kStart + 30s), "1") << "it was on its way";
  outbox_.settle(Outcome::kTaken, kStart + 30s);
  EXPECT_EQ(take(kStart + 30s), "12") << "2 to 11 have made room";
  outbox_.settle(Outcome::kFailed, kStart + 30s);
  put(2);
  EXPECT_EQ(outbox_.dropped(), 11U);
  EXPECT_EQ(take(kStart + 60s), "13") << "none was on its way";
}

TEST_F(OutboxTest, DropsWhatIsTooOld) {
  put(2);
  put(1, kStart + 1h);
  (void)take();
  outbox_.settle(Outcome::kFailed, kStart);
  EXPECT_EQ(take(kStart + 1h + 1s), "3");
  EXPECT_EQ(outbox_.dropped(), 2U);
}

TEST_F(OutboxTest, GivesNothingWhenItIsEmpty) {
  EXPECT_EQ(take(), "");
  EXPECT_TRUE(outbox_.is_empty());
  EXPECT_FALSE(outbox_.is_failing());
}

}  // namespace
}  // namespace mayfly::webhook
