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
           {R"({"name":"a","image":"i","replicas":{"total":3}})", "a total over the fleet"},
           {R"({"name":"a","image":"i","imagee":"j"})", "/imagee: is not a known key"},
       }) {
    EXPECT_TRUE(holds(fleet_faults(text), fault)) << text << "\n" << fleet_faults(text);
  }
}

TEST(FleetPool, HasKeysThatNoOtherPoolHas) {
  EXPECT_TRUE(holds(faults_with("selector = {a = \"b\"}"), "selector: is not a known key"));
}

}  // namespace
}  // namespace mayfly::config
