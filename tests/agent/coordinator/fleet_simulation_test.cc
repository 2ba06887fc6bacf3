#include <gtest/gtest.h>

#include "tests/agent/coordinator/fleet_world.h"

namespace mayfly::coordinator {
namespace {

std::vector<std::string> story_of(std::uint64_t seed) {
  FleetWorld world(seed, FleetWorld::Detail::kFull);
  (void)world.run();
  return world.story();
}

TEST(FleetSimulation, TellsTheSameStoryForTheSameSeed) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    const auto story = story_of(seed);
    EXPECT_GT(story.size(), 1000U) << "seed " << seed;
    EXPECT_TRUE(story == story_of(seed)) << "seed " << seed;
  }
}

TEST(FleetSimulation, TellsAnotherStoryForAnotherSeed) {
  EXPECT_FALSE(story_of(1) == story_of(2));
}

TEST(FleetSimulation, GoesTheSameWayWithAndWithoutItsStory) {
  FleetWorld told(4, FleetWorld::Detail::kFull);
  FleetWorld silent(4);
  (void)told.run();
  (void)silent.run();
  EXPECT_EQ(told.counts(), silent.counts());
  EXPECT_TRUE(silent.story().empty());
}

TEST(FleetSimulation, MeetsWhatItIsMeantToMeet) {
  FleetWorld::Counts all;
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    FleetWorld world(seed);
    EXPECT_FALSE(world.run()) << "seed " << seed;
    all += world.counts();
  }
  EXPECT_GT(all.claims, 300U);
  EXPECT_GT(all.releases, 50U) << "slots hardly ever move";
  EXPECT_GT(all.lives, 500U);
  EXPECT_GT(all.runs, 100U) << "daemons hardly ever die";
}

}  // namespace
}  // namespace mayfly::coordinator
