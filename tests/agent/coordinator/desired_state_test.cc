#include "agent/coordinator/desired_state.h"

#include <gtest/gtest.h>

namespace mayfly::coordinator {
namespace {

using Pools = std::set<std::string>;

const Keys kKeys("/mayfly/main/");

etcd::KeyValue kv(const std::string& key, const std::string& value, std::int64_t revision) {
  return {.key = key, .value = value, .mod_revision = revision};
}

etcd::KeyValue pool(const std::string& name, const std::string& value, std::int64_t revision) {
  return kv(kKeys.pool(name), value, revision);
}

etcd::RangeAnswer list(std::uint64_t cluster, std::int64_t revision,
                       std::vector<etcd::KeyValue> kvs) {
  return {.header = {.cluster = cluster, .revision = revision}, .kvs = std::move(kvs)};
}

/// As asked for now, and answered before anything else happens.
Pools take(DesiredState& state, const etcd::RangeAnswer& answer) {
  return state.take_list(answer, state.revision()).pools;
}

etcd::Change put(const std::string& name, const std::string& value, std::int64_t revision) {
  return {etcd::Change::Kind::kPut, pool(name, value, revision)};
}

etcd::Change gone(const std::string& name, std::int64_t revision) {
  return {etcd::Change::Kind::kDelete, pool(name, "", revision)};
}

std::string value_of(const DesiredState& state, const std::string& name) {
  const auto found = state.baseline().documents.find(name);
  return found == state.baseline().documents.end() ? "" : found->second.value;
}

TEST(Keys, AreReadInOneRange) {
  const auto range = kKeys.desired();
  for (const auto& key : {kKeys.epoch(), kKeys.pool("a"), kKeys.pool("z")}) {
    EXPECT_GE(key, range.key);
    EXPECT_LT(key, range.end);
  }
  for (const auto& key : {kKeys.node("n", "status"), std::string("/mayfly/main2/pools/a")}) {
    EXPECT_FALSE(key >= range.key && key < range.end) << key;
  }
  EXPECT_EQ(kKeys.pool_of("/mayfly/main/pools/a"), "a");
  EXPECT_EQ(kKeys.pool_of("/mayfly/main/pools.epoch"), "");
}

TEST(DesiredState, TakesWhatIsNew) {
  DesiredState state(kKeys, {});
  EXPECT_EQ(take(state, list(7, 5, {pool("a", "1", 3), pool("b", "1", 5)})), (Pools{"a", "b"}));
  EXPECT_EQ(take(state, list(7, 6, {pool("a", "1", 3), pool("b", "2", 6)})), Pools{"b"});
  EXPECT_EQ(state.take_change(put("a", "2", 7)).pools, Pools{"a"});
  EXPECT_EQ(value_of(state, "a"), "2");
  EXPECT_TRUE(state.alarms().empty());
}

TEST(DesiredState, NeverGoesBack) {
  DesiredState state(kKeys, {});
  take(state, list(7, 9, {pool("a", "new", 9)}));
  EXPECT_TRUE(state.take_change(put("a", "old", 8)).pools.empty());
  EXPECT_TRUE(state.take_change(put("a", "new", 9)).pools.empty());
  EXPECT_TRUE(state.take_change(gone("a", 8)).pools.empty());
  EXPECT_EQ(value_of(state, "a"), "new");
  EXPECT_TRUE(take(state, list(7, 10, {pool("a", "old", 8)})).empty());
  EXPECT_EQ(value_of(state, "a"), "new");
  EXPECT_EQ(state.alarms().size(), 1U);
}

TEST(DesiredState, DoesNotTakeAListThatTheWatchHasOvertaken) {
  DesiredState state(kKeys, {});
  take(state, list(7, 5, {pool("a", "1", 5)}));
  const auto asked_at = state.revision();
  (void)state.take_change(put("b", "1", 9));
  const auto taken = state.take_list(list(7, 8, {pool("a", "2", 8)}), asked_at);
  EXPECT_TRUE(taken.needs_list);
  EXPECT_TRUE(taken.pools.empty());
  EXPECT_TRUE(state.alarms().empty());
  EXPECT_EQ(value_of(state, "a"), "1");
}

TEST(DesiredState, DoesNotRaiseTheDead) {
  DesiredState state(kKeys, {});
  take(state, list(7, 5, {pool("a", "alive", 5)}));
  (void)state.take_change(put("a", "dead", 6));
  state.take_tombstone("a", 6);
  (void)state.take_change(gone("a", 7));
  EXPECT_TRUE(state.take_change(put("a", "alive", 5)).pools.empty());
  EXPECT_TRUE(state.baseline().documents.empty());
  EXPECT_EQ(state.take_change(put("a", "new", 8)).pools, Pools{"a"});
}

TEST(DesiredState, KeepsWhatIsGoneWithoutATombstone) {
  DesiredState state(kKeys, {});
  take(state, list(7, 5, {pool("a", "1", 3), pool("b", "1", 5)}));
  EXPECT_TRUE(take(state, list(7, 6, {})).empty());
  EXPECT_EQ(value_of(state, "a"), "1");
  ASSERT_EQ(state.alarms().size(), 1U);
  EXPECT_NE(state.alarms()[0].find("a, b"), std::string::npos) << state.alarms()[0];
  EXPECT_EQ(state.take_change(put("a", "2", 8)).pools, Pools{"a"});
  EXPECT_EQ(state.take_change(put("b", "1", 9)).pools, Pools{"b"});
  EXPECT_TRUE(state.alarms().empty());
  (void)state.take_change(gone("a", 10));
  EXPECT_EQ(value_of(state, "a"), "2");
  EXPECT_EQ(state.alarms().size(), 1U);
}

TEST(DesiredState, ForgetsATombstoneOnceItsKeyIsGone) {
  DesiredState state(kKeys, {});
  take(state, list(7, 5, {pool("a", "dead", 5)}));
  state.take_tombstone("a", 4);  // of another document
  (void)state.take_change(gone("a", 6));
  EXPECT_EQ(state.alarms().size(), 1U);
  (void)state.take_change(put("a", "dead", 7));
  state.take_tombstone("a", 7);
  EXPECT_EQ(state.baseline().documents.size(), 1U);
  (void)state.take_change(gone("a", 8));
  EXPECT_TRUE(state.baseline().documents.empty());
  EXPECT_TRUE(state.alarms().empty());
}

TEST(DesiredState, TakesNothingOfAnotherClusterUntilTheEpochIsRaised) {
  DesiredState state(kKeys, {});
  take(state, list(7, 50, {pool("a", "good", 40)}));
  EXPECT_TRUE(take(state, list(8, 90, {pool("a", "other", 60)})).empty());
  EXPECT_EQ(value_of(state, "a"), "good");
  EXPECT_NE(state.blocked().find("another cluster"), std::string::npos);
  EXPECT_NE(state.blocked().find("/mayfly/main/pools.epoch"), std::string::npos);
  const auto taken = state.take_change(put("a", "other", 91));
  EXPECT_TRUE(taken.needs_list);
  EXPECT_TRUE(taken.pools.empty());
  const auto raised = list(8, 92, {kv(kKeys.epoch(), "1", 92), pool("a", "other", 30)});
  EXPECT_EQ(take(state, raised), Pools{"a"});
  EXPECT_TRUE(state.alarms().empty());
  // And from then on the first is the foreign one.
  EXPECT_TRUE(take(state, list(7, 200, {pool("a", "good", 150)})).empty());
  EXPECT_EQ(value_of(state, "a"), "other");
}

TEST(DesiredState, TakesNothingOfARestoredBackupUntilTheEpochIsRaised) {
  DesiredState state(kKeys, {});
  take(state, list(7, 50, {pool("a", "good", 40)}));
  EXPECT_TRUE(take(state, list(7, 30, {pool("a", "old", 20)})).empty());
  EXPECT_NE(state.blocked().find("went back, from revision 50 to 30"), std::string::npos);
  const auto raised = list(7, 31, {kv(kKeys.epoch(), "1", 31), pool("a", "old", 20)});
  EXPECT_EQ(take(state, raised), Pools{"a"});
  EXPECT_EQ(value_of(state, "a"), "old");
}

TEST(DesiredState, RemembersAcrossARestart) {
  Baseline baseline{.cluster = 7, .epoch = 2, .documents = {{"a", {"good", 40}}}};
  DesiredState state(kKeys, baseline);
  EXPECT_TRUE(take(state, list(7, 30, {pool("a", "old", 20)})).empty());
  EXPECT_TRUE(take(state, list(8, 90, {pool("a", "old", 60)})).empty());
  EXPECT_TRUE(take(state, list(7, 60, {pool("a", "old", 60)})).empty());
  EXPECT_NE(state.blocked().find("the epoch went back"), std::string::npos) << state.blocked();
  const auto good = list(7, 60, {kv(kKeys.epoch(), "2", 4), pool("a", "next", 60)});
  EXPECT_EQ(take(state, good), Pools{"a"});
}

TEST(DesiredState, TakesAnEpochThatIsNoNumberForNone) {
  DesiredState state(kKeys, {});
  take(state, list(7, 50, {}));
  for (const char* text : {"", "x", "1x", "-1", " 1", "99999999999999999999"}) {
    take(state, list(8, 60, {kv(kKeys.epoch(), text, 60)}));
    EXPECT_NE(state.blocked(), "") << text;
  }
}

}  // namespace
}  // namespace mayfly::coordinator
