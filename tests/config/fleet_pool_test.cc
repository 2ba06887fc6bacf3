#include "config/fleet_pool.h"

#include <gtest/gtest.h>

#include "tests/config/faults.h"

namespace mayfly::config {
namespace {

std::string fleet_faults(const std::string& text) {
  const auto pool = parse_fleet_pool_json(text);
  return pool ? "" : text_of(pool.error());
}

TEST(FleetPool, IsAPoolWithASelector) {
  const auto plain = parse_pool_json(R"({"name":"a","image":"i","replicas":3})");
  const auto read = parse_fleet_pool_json(
      R"({"name":"a","image":"i","replicas":3,"selector":{"zone":"east","gpu":"yes"}})");
  ASSERT_TRUE(read) << text_of(read.error());
  EXPECT_EQ(read->pool, *plain);
  EXPECT_EQ(read->selector.size(), 2U);
  EXPECT_EQ(read->selector.at("zone"), "east");
  EXPECT_FALSE(read->deleted);
  EXPECT_TRUE(parse_fleet_pool_json(to_json(*plain))->selector.empty());
}

TEST(FleetPool, MayHaveATotalOverAllNodes) {
  const auto read = parse_fleet_pool_json(R"({"name":"a","image":"i","replicas":{"total":40}})");
  ASSERT_TRUE(read) << text_of(read.error());
  EXPECT_EQ(read->total, 40U);
  EXPECT_EQ(read->pool.replicas, 0U);
  EXPECT_FALSE(parse_fleet_pool_json(R"({"name":"a","image":"i","replicas":4})")->total);
}

TEST(FleetPool, MayBeDeletedWhateverElseItSays) {
  EXPECT_TRUE(parse_fleet_pool_json(R"({"deleted":true})")->deleted);
  EXPECT_TRUE(parse_fleet_pool_json(R"({"deleted":true,"name":"a","image":"i"})")->deleted);
  EXPECT_FALSE(parse_fleet_pool_json(R"({"deleted":false,"name":"a","image":"i"})")->deleted);
}

TEST(FleetPool, IsRefusedWithAReason) {
  struct Case {
    const char* text;
    const char* fault;
  };
  for (const auto& [text, fault] : std::vector<Case>{
           {"", "is not valid JSON"},
           {"[]", "must be a JSON object"},
           {"{}", "/name: is missing"},
           {R"({"deleted":1})", "/deleted: must be true or false"},
           {R"({"name":"a","image":"i","selector":["x"]})", "/selector: must be a table"},
           {R"({"name":"a","image":"i","selector":{"a b":"x"}})", "its name must be 1 to 63"},
           {R"({"name":"a","image":"i","selector":{"a":""}})", "/selector/a: must be 1 to 63"},
           {R"({"name":"a","image":"i","replicas":1001})", "/replicas: must be a whole number"},
           {R"({"name":"a","image":"i","replicas":{"total":-3}})",
            "/replicas/total: must be a whole"},
           {R"({"name":"a","image":"i","replicas":{}})", "/replicas/total: is missing"},
           {R"({"name":"a","image":"i","replicas":{"total":3,"max":4}})",
            "/replicas/max: is not a"},
           {R"({"name":"a","image":"i","paused":"yes"})", "/paused: must be true or false"},
           {R"({"name":"a","image":"i","revision":0})", "/revision: must be a whole number from 1"},
           {R"({"name":"a","image":"i","changed_by":7})", "/changed_by: must be a string"},
           {R"({"name":"a","image":"i","change":"a\nb"})", "/change: must be a line"},
           {R"({"name":"a","image":"i","replicas":{"total":5001}})", "/replicas/total: must be"},
           {R"({"name":"a","image":"i","imagee":"j"})", "/imagee: is not a known key"},
       }) {
    EXPECT_TRUE(holds(fleet_faults(text), fault)) << text << "\n" << fleet_faults(text);
  }
}

FleetPool full_document() {
  const auto pool = parse_fleet_pool_json(R"({
      "name":"a","image":"i","command":["x"],"env":{"A":"b"},"resources":{"cpu":2.5,"pids":9},
      "mounts":[{"source":"/s","target":"/t","read_only":true}],"security":{"seccomp":false},
      "backoff":{"max":"1m"},"standby":2,"replicas":{"total":12},"paused":true,
      "selector":{"zone":"east"},"revision":4,"changed_by":"anna@laptop","changed_at":"now",
      "change":"0a1b"})");
  EXPECT_TRUE(pool) << text_of(pool.error());
  return pool ? *pool : FleetPool{};
}

TEST(FleetPool, KnowsATotalAPauseAndWhoWroteIt) {
  const FleetPool pool = full_document();
  EXPECT_EQ(pool.total, 12U);
  EXPECT_EQ(pool.paused, true);
  EXPECT_EQ(pool.stamp, (Stamp{4, "anna@laptop", "now", "0a1b"}));
  EXPECT_EQ(parse_fleet_pool_json(R"({"name":"a","image":"i"})")->paused, std::nullopt);
  const auto tombstone = parse_fleet_pool_json(R"({"deleted":true,"revision":5,"change":7})");
  EXPECT_EQ(tombstone->stamp.revision, 5U);
}

TEST(FleetPool, IsReadFromTomlToo) {
  const auto pool = parse_fleet_pool_toml(
      "name = \"a\"\nimage = \"i\"\nreplicas = {total = 3}\n[selector]\nzone = \"east\"\n", "f");
  ASSERT_TRUE(pool) << text_of(pool.error());
  EXPECT_EQ(pool->total, 3U);
  const auto bad = parse_fleet_pool_toml("name = \"a\"\nimage = \"i\"\npaused = 3\n", "f.toml");
  EXPECT_TRUE(holds(text_of(bad.error()), "f.toml:3:10: paused: must be true or false"));
}

TEST(FleetPool, IsWrittenAsItIsRead) {
  const FleetPool full = full_document();
  const auto again = parse_fleet_pool_json(to_json(full));
  ASSERT_TRUE(again) << text_of(again.error());
  EXPECT_EQ(*again, full);
  FleetPool tombstone;
  tombstone.deleted = true;
  tombstone.stamp.revision = 2;
  EXPECT_EQ(*parse_fleet_pool_json(to_json(tombstone)), tombstone);
}

TEST(FleetPool, IsWrittenWithoutWhatNobodySaid) {
  const auto pool = parse_fleet_pool_json(R"({"name":"a","image":"i","standby":"auto"})");
  EXPECT_EQ(to_json(*pool), R"({"image":"i","name":"a","replicas":1})");
}

TEST(FleetPool, TellsWhatDiffers) {
  const FleetPool before = full_document();
  FleetPool after = before;
  after.total = 20;
  after.selector.clear();
  after.stamp.revision = 5;
  Diff found = diff(before, after);
  EXPECT_EQ(found.changes, (std::vector<Difference>{{"replicas.total", "12", "20"},
                                                    {"selector.zone", "east", "(none)"}}));
  EXPECT_FALSE(found.new_revision);
  after.pool.worker.image = "j";
  EXPECT_TRUE(diff(before, after).new_revision);
}

TEST(FleetPool, HasKeysThatNoOtherPoolHas) {
  EXPECT_TRUE(holds(faults_with("selector = {a = \"b\"}"), "selector: is not a known key"));
}

}  // namespace
}  // namespace mayfly::config
