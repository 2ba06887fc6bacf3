#include <gtest/gtest.h>

#include <vector>

#include "config/tree.h"
#include "tests/config/faults.h"

namespace mayfly::config {
namespace {

std::string json_faults(const std::string& text) {
  const auto pool = parse_pool_json(text);
  return pool ? "" : text_of(pool.error());
}

TEST(Json, IsReadAsTomlIs) {
  const auto json = parse_pool_json(R"({"name": "encode", "image": "encode:1", "standby": "auto",
      "resources": {"cpu": 2, "memory": "1GiB"}, "env": {"A": "b"}, "backoff": {"factor": 1.5}})");
  const auto toml = parse_pool_toml(kMinimal + R"(standby = "auto"
resources = {cpu = 2, memory = "1GiB"}
env = {A = "b"}
backoff = {factor = 1.5}
)",
                                    "p.toml");
  ASSERT_TRUE(json) << text_of(json.error());
  ASSERT_TRUE(toml);
  EXPECT_EQ(*json, *toml);
}

TEST(Json, TakesNullForNotGiven) {
  const auto pool = parse_pool_json(
      R"({"name": "a", "image": "i", "replicas": null, "resources": {"cpu": null}, "env": null})");
  ASSERT_TRUE(pool) << text_of(pool.error());
  EXPECT_EQ(pool->replicas, 1U);
  EXPECT_EQ(pool->worker.resources.cpu, std::nullopt);
  EXPECT_EQ(json_faults(R"({"name": null, "image": "i"})"), "request: /name: is missing\n");
}

TEST(Json, PointsAtFaults) {
  EXPECT_EQ(json_faults(R"({"name": "a", "image": "i", "mounts": [{"source": "/a", "target": "/b"},
                            {"source": "x", "target": "/"}], "env": {"A/B~": 1}, "nets": {}})"),
            "request: /env/A~1B~0: its name must be letters, digits and underscores, not beginning "
            "with a digit\n"
            "request: /env/A~1B~0: must be a string, not a whole number; write it in quotes\n"
            "request: /mounts/1/source: must be an absolute path, not \"x\"\n"
            "request: /mounts/1/target: must not be \"/\"; that is the image's\n"
            "request: /nets: is not a known key\n");
}

TEST(Json, SaysWhereTheSyntaxIsWrong) {
  const std::string faults = json_faults("{\"name\": \"a\",\n  \"image\" \"i\"}");
  EXPECT_TRUE(holds(faults, "request:2:1")) << faults;
  EXPECT_TRUE(holds(faults, "is not valid JSON: syntax error")) << faults;
  for (const char* text : {"", " ", "{", "{}}", "{\"a\":1,}", "{'a':1}", "{\"a\":01}",
                           "{\"a\":NaN}", "{\"a\":\"\xff\"}", "{\"a\":\"\\ud800\"}", "// no\n{}",
                           "{\"a\":\"\n\"}", "{} {}", "{\"a\":1e999}"}) {
    EXPECT_TRUE(holds(json_faults(text), "is not valid JSON")) << text << json_faults(text);
  }
}

TEST(Json, RefusesWhatIsNoObject) {
  EXPECT_EQ(json_faults("[]"), "request: must be a JSON object, not an array\n");
  EXPECT_EQ(json_faults("7"), "request: must be a JSON object, not a whole number\n");
  EXPECT_EQ(json_faults("null"), "request: must be a JSON object, not null\n");
}

TEST(Json, RefusesAKeyGivenTwice) {
  EXPECT_TRUE(holds(json_faults(R"({"name": "a", "image": "i", "name": "b"})"),
                    "has the key \"name\" twice"));
  EXPECT_TRUE(holds(json_faults(R"({"env": {"A": "1", "B": "2", "A": "3"}})"), "\"A\" twice"));
}

TEST(Json, RefusesWhatIsTooDeepOrTooLarge) {
  EXPECT_TRUE(holds(json_faults(std::string(500'000, '[')), "nested too deep"));
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += "{\"a\":";
  EXPECT_TRUE(holds(json_faults(deep), "nested too deep"));
  EXPECT_TRUE(holds(json_faults(std::string(kTextBytesMax + 1, ' ')), "larger than 1 MiB"));
}

TEST(Json, RefusesNumbersOutOfRange) {
  for (const char* number : {"18446744073709551615", "9223372036854775808", "-9223372036854775808",
                             "-9223372036854775809", "1e20", "4294967296"}) {
    const std::string faults =
        json_faults(R"({"name": "a", "image": "i", "replicas": )" + std::string{number} + "}");
    EXPECT_TRUE(holds(faults, "/replicas: must be a whole number from 0 to 1000")) << faults;
  }
}

}  // namespace
}  // namespace mayfly::config
