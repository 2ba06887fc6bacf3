// The shipped examples, the page on the configuration and the JSON Schema say what the decoder
// does: every key of it, no other, and the true defaults.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <sstream>

#include "config/decode.h"
#include "tests/config/faults.h"

namespace mayfly::config {
namespace {

using Json = nlohmann::json;

const std::string kRoot = MAYFLY_SOURCE_DIR;

std::string read(const std::string& name) {
  std::ifstream in{kRoot + "/" + name};
  EXPECT_TRUE(in) << name;
  return {std::istreambuf_iterator<char>{in}, {}};
}

/// With the keys that are commented out: "#key = …", unlike "# words".
std::string uncommented(const std::string& text) {
  return std::regex_replace(text, std::regex{"(^|\n)#(?=[a-z\\[])"}, "$1");
}

Pool defaults() {
  Pool pool;
  pool.name = "encode";
  pool.worker.image = "registry.example/encode:1.8";
  return pool;
}

TEST(Examples, AreGoodAsTheyAreShipped) {
  const auto document = load(kRoot + "/config/examples/mayfly.toml");
  ASSERT_TRUE(document) << text_of(document.error());
  EXPECT_EQ(document->daemon, Daemon{});
  ASSERT_EQ(document->pools.size(), 1U);
  EXPECT_EQ(document->pools.at("encode"), defaults());
}

TEST(Examples, ShowEveryKeyOfTheDaemonWithItsDefault) {
  const auto tree = parse_toml(uncommented(read("config/examples/mayfly.toml")));
  ASSERT_TRUE(tree) << tree.error().what;
  Report report{"mayfly.toml", Report::Style::kDotted};
  Daemon daemon;
  decode_daemon(*tree, daemon, report);
  EXPECT_EQ(text_of(report.take()), "");
  Daemon wanted;
  wanted.registries["registry.example:5000"] = Registry{};
  EXPECT_EQ(daemon, wanted);
  for (const std::string& key : daemon_keys()) {
    const Tree* at = &*tree;
    std::istringstream parts{key};
    for (std::string part; at != nullptr && std::getline(parts, part, '.');) {
      const Member* member = part == "*" ? &std::get<Table>(at->value).front() : find(*at, part);
      at = member != nullptr ? &member->value : nullptr;
    }
    EXPECT_NE(at, nullptr) << key;
  }
}

TEST(Examples, ShowEveryKeyOfAPoolWithItsDefault) {
  const std::string text = uncommented(read("config/examples/pools.d/encode.toml"));
  const auto pool = parse_pool_toml(text, "encode.toml");
  ASSERT_TRUE(pool) << text_of(pool.error());
  Pool wanted = defaults();
  wanted.worker.resources.cpu = 1.0;
  wanted.worker.resources.memory_bytes = 2ULL << 30U;
  EXPECT_EQ(*pool, wanted);
  for (const std::string& key : pool_keys()) {
    const std::string last = key.substr(key.rfind('.') + 1);
    EXPECT_TRUE(holds(text, last + " = ") || holds(text, "[" + last + "]")) << key;
  }
}

/// The rows of the tables of the page: key → default, as written.
std::map<std::string, std::string> rows() {
  std::map<std::string, std::string> rows;
  const std::string text = read("docs/config.md");
  static const std::regex kRow{"\\| `([^`]+)` \\| ?([^|]*) \\|"};
  for (std::sregex_iterator row{text.begin(), text.end(), kRow}, end; row != end; ++row) {
    EXPECT_TRUE(rows.emplace((*row)[1], (*row)[2]).second) << (*row)[1] << " is there twice";
  }
  return rows;
}

TEST(ConfigPage, ListsEveryKeyAndNoOther) {
  std::set<std::string> listed;
  for (const auto& [key, value] : rows()) listed.insert(key);
  std::set<std::string> known = pool_keys();
  known.merge(daemon_keys());
  EXPECT_EQ(listed, known);
}

/// Calls back for every property of the schema, with its dotted key.
template <class Visit>
void for_each_property(const Json& object, const std::string& prefix, const Visit& visit) {
  for (const auto& [name, property] : object.at("properties").items()) {
    visit(prefix + name, property);
    if (property.contains("properties")) for_each_property(property, prefix + name + ".", visit);
    if (property.contains("items") && property["items"].contains("properties")) {
      for_each_property(property["items"], prefix + name + "[].", visit);
    }
  }
}

TEST(Schema, HasEveryKeyAndNoOther) {
  const Json schema = Json::parse(read("config/pool.schema.json"));
  std::set<std::string> keys;
  for_each_property(schema, "", [&keys](const std::string& key, const Json& property) {
    keys.insert(key);
    if (property.contains("properties")) {
      EXPECT_EQ(property.at("additionalProperties"), false) << key;
    }
  });
  EXPECT_EQ(keys, pool_keys());
  EXPECT_EQ(schema.at("additionalProperties"), false);
}

Json at_key(const Json& root, std::string dotted) {
  std::replace(dotted.begin(), dotted.end(), '.', '/');
  return root.at(Json::json_pointer{"/" + dotted});
}

TEST(Schema, TellsTheTrueDefaultsAndSoDoesThePage) {
  const Json schema = Json::parse(read("config/pool.schema.json"));
  const Json truth = Json::parse(to_json(defaults()));
  const auto page = rows();
  for_each_property(schema, "", [&](const std::string& key, const Json& property) {
    if (!property.contains("default")) return;
    const Json& said = property.at("default");
    const bool elsewhere = key == "renew" || holds(key, "[]");  // not in a pool's canonical form
    if (!elsewhere) {
      EXPECT_EQ(said, at_key(truth, key)) << key;
    }
    EXPECT_EQ(page.at(key), said.is_null() ? "none" : "`" + said.dump() + "`") << key;
  });
}

std::string faults_with_value(const std::string& dotted, const Json& value) {
  std::string pointer = "/" + dotted;
  std::replace(pointer.begin(), pointer.end(), '.', '/');
  Json pool{{"name", "a"}, {"image", "i"}};
  pool[Json::json_pointer{pointer}] = value;
  const auto parsed = parse_pool_json(pool.dump());
  return parsed ? "" : text_of(parsed.error());
}

TEST(Schema, HasTheBoundsOfTheDecoder) {
  std::size_t bounds = 0;
  const auto check = [&bounds](const std::string& key, const Json& property) {
    for (const char* bound : {"minimum", "maximum"}) {
      if (!property.contains(bound)) continue;
      const Json& value = property.at(bound);
      const double beyond = value.get<double>() + (bound == std::string{"minimum"} ? -1 : 1);
      const Json outside =
          value.is_number_integer() ? Json(static_cast<int>(beyond)) : Json(beyond);
      EXPECT_EQ(faults_with_value(key, value), "") << key;
      EXPECT_NE(faults_with_value(key, outside), "") << key;
      ++bounds;
    }
  };
  const Json schema = Json::parse(read("config/pool.schema.json"));
  for_each_property(schema, "", [&](const std::string& key, const Json& property) {
    check(key, property);
    for (const Json& choice : property.value("anyOf", Json::array())) check(key, choice);
    for (const Json& word : property.value("enum", Json::array())) {
      EXPECT_EQ(faults_with_value(key, word), "") << key;
    }
    if (property.contains("enum")) {
      EXPECT_NE(faults_with_value(key, "no-such-word"), "") << key;
    }
  });
  EXPECT_EQ(bounds, 10U);
}

}  // namespace
}  // namespace mayfly::config
