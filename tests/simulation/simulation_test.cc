#include <gtest/gtest.h>

#include "tests/simulation/swarm.h"

namespace mayfly::simulation {
namespace {

struct Story {
  std::vector<std::string> lines;
  std::uint64_t hash = 0;
};

Story story_of(std::uint64_t seed) {
  World world(seed, Trace::Detail::kFull);
  (void)world.run();
  return {world.trace().lines(), world.trace().hash()};
}

TEST(Simulation, TellsTheSameStoryForTheSameSeed) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    const Story first = story_of(seed);
    const Story second = story_of(seed);
    ASSERT_EQ(first.lines, second.lines) << "seed " << seed;
    ASSERT_EQ(first.hash, second.hash) << "seed " << seed;
    ASSERT_GT(first.lines.size(), 20U) << "seed " << seed;
  }
}

TEST(Simulation, TellsAnotherStoryForAnotherSeed) {
  std::set<std::uint64_t> hashes;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) hashes.insert(story_of(seed).hash);
  EXPECT_EQ(hashes.size(), 40U);
}

TEST(Simulation, GoesTheSameWayWithAndWithoutItsStory) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    World told(seed, Trace::Detail::kFull);
    World silent(seed, Trace::Detail::kSilent);
    const Outcome a = told.run();
    const Outcome b = silent.run();
    EXPECT_EQ(a.steps, b.steps) << "seed " << seed;
    EXPECT_EQ(a.took, b.took) << "seed " << seed;
    EXPECT_EQ(a.exits, b.exits) << "seed " << seed;
    EXPECT_TRUE(silent.trace().lines().empty());
  }
}

TEST(Simulation, MeetsWhatItIsMeantToMeet) {
  const SwarmOutcome outcome = run_swarm({1, 300});
  EXPECT_GT(outcome.exits, 3000U);
  EXPECT_GT(outcome.runs, 600U) << "the agent hardly ever dies";
  EXPECT_GT(outcome.virtual_hours, 10);
}

TEST(Chance, IsUniformEnoughAndBounded) {
  Random random(7);
  int heads = 0;
  for (int i = 0; i < 10'000; ++i) {
    heads += random.chance(0.5) ? 1 : 0;
    const Duration spread = random.spread(1ms, 1s);
    ASSERT_GE(spread, 1ms);
    ASSERT_LE(spread, 1s);
    const Duration between = random.between(3ns, 5ns);
    ASSERT_GE(between, 3ns);
    ASSERT_LE(between, 5ns);
  }
  EXPECT_NEAR(heads, 5000, 200);
}

TEST(Agenda, TakesHappeningsByTimeThenByOrder) {
  Agenda agenda(Time{});
  std::string order;
  agenda.after(2s, [&] { order += 'c'; });
  agenda.after(1s, [&] { order += 'a'; });
  agenda.after(1s, [&] { order += 'b'; });
  while (agenda.advance()) {
  }
  EXPECT_EQ(order, "abc");
  EXPECT_EQ(agenda.now(), Time{2s});
}

}  // namespace
}  // namespace mayfly::simulation
