#include "agent/coordinator/brake.h"

#include <gtest/gtest.h>

#include <vector>

namespace mayfly::coordinator {
namespace {

using namespace std::chrono_literals;

constexpr core::Time kNow{1h};

TEST(Brake, LetsAPoolGrowAndShrinkWithinOneStep) {
  Brake brake(50);
  EXPECT_EQ(brake.limit("a", 10, kNow), 10U);
  EXPECT_EQ(brake.limit("a", 12, kNow), 12U);
  EXPECT_EQ(brake.limit("a", 6, kNow), 6U);
  EXPECT_TRUE(brake.braked().empty());
  EXPECT_EQ(brake.due(), core::kNever);
}

TEST(Brake, TakesAPoolAwayInSteps) {
  Brake brake(50);
  brake.set("a", 10);
  std::vector<std::uint32_t> steps;
  for (core::Time now = kNow; steps.empty() || steps.back() > 0; now = brake.due()) {
    steps.push_back(brake.limit("a", 0, now));
    if (steps.back() == 0) break;
    EXPECT_EQ(brake.due(), now + Brake::kPause);
    EXPECT_EQ(brake.limit("a", 0, now + Brake::kPause - 1ms), steps.back()) << "too soon";
  }
  EXPECT_EQ(steps, (std::vector<std::uint32_t>{5, 2, 1, 0}));
}

TEST(Brake, CountsAllPoolsTogether) {
  Brake brake(25);
  for (const char* pool : {"a", "b", "c", "d"}) brake.set(pool, 2);
  EXPECT_EQ(brake.limit("a", 0, kNow), 0U);
  EXPECT_EQ(brake.limit("b", 0, kNow), 2U);
  EXPECT_EQ(brake.limit("c", 0, kNow + 1s), 2U);
  EXPECT_EQ(brake.braked(), (std::set<std::string>{"b", "c"}));
  EXPECT_EQ(brake.limit("b", 0, kNow + 10s), 0U);
}

TEST(Brake, IsReleasedByAnotherWord) {
  Brake brake(50);
  brake.set("a", 10);
  EXPECT_EQ(brake.limit("a", 0, kNow), 5U);
  EXPECT_EQ(brake.limit("a", 8, kNow), 8U);
  EXPECT_TRUE(brake.braked().empty());
}

TEST(Brake, TakesOneAtLeastAndAllWhereThatIsAllowed) {
  Brake least(1);
  least.set("a", 3);
  EXPECT_EQ(least.limit("a", 0, kNow), 2U);
  Brake none(100);
  none.set("a", 3);
  EXPECT_EQ(none.limit("a", 0, kNow), 0U);
  none.set("b", 5);
  EXPECT_EQ(none.limit("b", 0, kNow + 1s), 0U) << "what has come since is no exception";
}

}  // namespace
}  // namespace mayfly::coordinator
