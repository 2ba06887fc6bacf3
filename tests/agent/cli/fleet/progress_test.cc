#include "agent/cli/fleet/progress.h"

#include <gtest/gtest.h>

#include <functional>

namespace mayfly::cli::fleet {
namespace {

constexpr std::int64_t kWritten = 20;

PoolOnNode full(std::int64_t replicas) {
  PoolOnNode pool;
  pool.document = kWritten;
  pool.revision = pool.active_revision = 4;
  pool.replicas = pool.running = replicas;
  return pool;
}

Node node(const std::string& name, const PoolOnNode& pool) {
  Node made;
  made.name = name;
  made.presence = Presence::kLive;
  made.scheduling = "open";
  made.pools["encode"] = pool;
  return made;
}

Goal goal(std::uint32_t replicas) {
  Goal made{.pool = "encode", .mod_revision = kWritten, .document = {}};
  made.document.pool.replicas = replicas;
  return made;
}

TEST(Progress, IsOverWhenAllLiveNodesRunIt) {
  Roster roster{node("a", full(2)), node("b", full(2))};
  EXPECT_TRUE(progress_of(goal(2), roster).is_settled());
  EXPECT_EQ(progress_line(progress_of(goal(2), roster)), "2 of 2 nodes run it; 4 of 4 workers run");
  roster[1].pools["encode"].document = kWritten - 1;
  EXPECT_FALSE(progress_of(goal(2), roster).is_settled());
  EXPECT_EQ(progress_line(progress_of(goal(2), roster)),
            "1 of 2 nodes run it, 1 not heard of yet (b); 4 of 4 workers run");
}

TEST(Progress, TellsNodesApart) {
  const auto stage_after = [](const std::function<void(Node&)>& change) {
    Node changed = node("a", full(2));
    change(changed);
    return progress_of(goal(2), {changed}).nodes.at(0).stage;
  };
  EXPECT_EQ(stage_after([](Node& each) { each.pools.clear(); }), Stage::kNotHeard);
  EXPECT_EQ(stage_after([](Node& each) { each.pools["encode"].active_revision = 3; }),
            Stage::kPulling);
  EXPECT_EQ(stage_after([](Node& each) { each.pools["encode"].running = 1; }), Stage::kFilling);
  EXPECT_EQ(stage_after([](Node& each) { each.pools["encode"].replicas = 3; }), Stage::kFilling)
      << "it has another size still";
  EXPECT_EQ(stage_after([](Node& each) {
              each.refused["encode"] = "no";
              each.refused_documents["encode"] = kWritten;
            }),
            Stage::kRefused);
  EXPECT_EQ(stage_after([](Node& each) {
              each.refused["encode"] = "no";
              each.refused_documents["encode"] = kWritten - 1;
            }),
            Stage::kRuns)
      << "that was the document before";
  EXPECT_EQ(stage_after([](Node& each) {
              each.scheduling = "drained";
              each.pools["encode"].running = 0;
            }),
            Stage::kRuns)
      << "a drained node fills nothing";
}

TEST(Progress, AsksNoNodeThatIsAwayOrNotSelected) {
  Roster roster{node("a", full(2)), node("b", {}), node("c", {})};
  roster[1].presence = Presence::kGone;
  Goal wanted = goal(2);
  wanted.document.selector = {{"zone", "east"}};
  roster[0].labels = {{"zone", "east"}};
  roster[2].labels = {{"zone", "west"}};
  const Progress progress = progress_of(wanted, roster);
  ASSERT_EQ(progress.nodes.size(), 1U);
  EXPECT_TRUE(progress.is_settled());
  EXPECT_EQ(progress_line(progress_of(wanted, {})), "no live node is to run it");
  EXPECT_TRUE(progress_of(wanted, {}).is_settled());
}

TEST(Progress, OfATotalCountsAllNodesTogether) {
  Goal wanted = goal(1);
  wanted.document.total = 5;
  Roster roster{node("a", full(3)), node("b", full(1))};
  EXPECT_FALSE(progress_of(wanted, roster).is_settled());
  roster[1] = node("b", full(2));
  EXPECT_TRUE(progress_of(wanted, roster).is_settled());
}

TEST(Progress, OfAPauseIsThatNodesKnowOfIt) {
  Goal wanted = goal(2);
  wanted.document.paused = true;
  PoolOnNode pool = full(2);
  pool.running = 1;
  EXPECT_FALSE(progress_of(wanted, {node("a", pool)}).is_settled());
  pool.paused = true;
  EXPECT_TRUE(progress_of(wanted, {node("a", pool)}).is_settled());
  EXPECT_TRUE(progress_of(goal(2), {node("a", pool)}).is_settled()) << "the node's own pause";
}

TEST(Remains, AreThePoolsWorkersOnLiveNodes) {
  Roster roster{node("a", full(2)), node("b", full(2)), node("c", full(2)), node("d", full(2))};
  roster[1].presence = Presence::kGone;
  roster[2].pools["encode"].document = 0;  // its own
  const Remains remains = remains_of("encode", roster);
  EXPECT_EQ(remains.nodes, (std::vector<std::string>{"a", "d"}));
  EXPECT_EQ(remains.workers, 4);
  roster[3].pools["encode"].document = 0;
  roster[3].pools["encode"].deleting = true;
  EXPECT_EQ(remains_of("encode", roster).nodes.size(), 2U) << "its last workers still end";
}

TEST(SomeOf, NamesTheFirstAndCountsTheRest) {
  EXPECT_EQ(some_of({"a", "b\x1b"}), "a, b\\x1b");
  EXPECT_EQ(some_of({"a", "b", "c", "d", "e", "f", "g"}), "a, b, c, d, e and 2 more");
}

}  // namespace
}  // namespace mayfly::cli::fleet
