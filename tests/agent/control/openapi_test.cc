// docs/openapi.yaml says what the routes do, or this fails. Reads the document by its layout: paths
// at two spaces, methods at four, one parameter reference a line.
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <sstream>

#include "agent/control/names.h"
#include "agent/control/router.h"
#include "agent/control/views.h"
#include "tests/agent/control/fake_operations.h"

namespace mayfly::control {
namespace {

using Keys = std::set<std::string>;
/// "GET /v1/pools" → the query keys it takes.
using Described = std::map<std::string, Keys>;

std::vector<std::string> document() {
  std::ifstream in(MAYFLY_OPENAPI);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

/// The names of the parameters under components that are given in a query.
std::map<std::string, std::string> shared_parameters() {
  std::map<std::string, std::string> found;
  std::string component;
  std::string name;
  bool inside = false;
  std::smatch parts;
  for (const std::string& line : document()) {
    if (line == "  parameters:") inside = true;
    if (line == "  responses:") inside = false;
    if (!inside) continue;
    if (std::regex_match(line, parts, std::regex("    ([A-Za-z]+):"))) component = parts[1];
    if (std::regex_match(line, parts, std::regex("      name: ([a-z_]+)"))) name = parts[1];
    if (line == "      in: query") found[component] = name;
  }
  return found;
}

Described documented() {
  const auto shared = shared_parameters();
  Described found;
  std::string path;
  std::string operation;
  std::string name;
  std::smatch parts;
  for (const std::string& line : document()) {
    if (line == "components:") break;
    if (std::regex_match(line, parts, std::regex("  (/.*):"))) path = parts[1];
    if (std::regex_match(line, parts, std::regex("    (get|post|put|delete|patch):"))) {
      operation = parts[1];
      for (char& c : operation) c = static_cast<char>(std::toupper(c));
      operation += " " + path;
      found[operation];
    }
    if (std::regex_match(line, parts, std::regex("        - name: ([a-z_]+)"))) name = parts[1];
    if (line == "          in: query") found[operation].insert(name);
    if (std::regex_search(line, parts, std::regex("components/parameters/([A-Za-z]+)"))) {
      if (const auto query = shared.find(parts[1]); query != shared.end()) {
        found[operation].insert(query->second);
      }
    }
  }
  return found;
}

Described implemented() {
  Described found;
  for (const Route& route : routes()) {
    Keys& keys = found[std::string(route.method) + " " + std::string(route.path)];
    std::istringstream words{std::string(route.query)};
    for (std::string word; words >> word;) keys.insert(word);
  }
  return found;
}

/// All keys, at any depth, but those under `free`: maps whose keys are data.
void collect(const Json& json, Keys& keys) {
  static const Keys kFree{"exits", "timings", "desired", "spec"};
  for (const auto& item : json.items()) {
    if (json.is_object()) keys.insert(item.key());
    if (item.value().is_structured() && !kFree.contains(item.key())) collect(item.value(), keys);
  }
}

TEST(OpenApi, DescribesEveryRouteAndNoOther) {
  EXPECT_EQ(documented(), implemented());
}

TEST(OpenApi, DescribesEveryFieldThatIsGiven) {
  boost::asio::io_context loop;
  FakeOperations operations(loop);
  operations.add_pool("encode", 2);
  const core::Worker& worker = operations.add_running("encode", 0);
  operations.details["encode"].revisions.emplace_back();
  Pull pull;
  pull.wanted_by = {{"encode", 1}};
  operations.pulling = {pull};
  operations.status.webhook.emplace();
  operations.status.coordinator.emplace().refused = {{"encode", "/name: is missing"}};
  const Moment moment{operations.time, 0};
  Keys keys;
  collect(status_view(operations, moment), keys);
  collect(version_view(operations.node()), keys);
  collect(pool_view(operations, *operations.pool("encode"), moment), keys);
  collect(worker_view(operations, worker, moment), keys);
  collect(why_pool_view(operations, "encode", moment), keys);
  collect(why_slot_view(operations, "encode", 1, moment), keys);
  collect(exit_view({}), keys);
  collect(event_view(operations, {}), keys);
  ApplyResult applied;
  applied.changes.emplace_back();
  collect(apply_view(applied), keys);
  ImageRow image;
  image.used_by.emplace_back();
  collect(image_view(image), keys);
  collect(pull_view(pull), keys);
  collect(collected_view({}), keys);
  collect(doctor_view({{"a", doctor::Status::kOk, "b", ""}}), keys);
  EXPECT_GT(keys.size(), 100U);
  std::string text;
  for (const std::string& line : document()) text += line + "\n";
  for (const std::string& key : keys) {
    EXPECT_NE(text.find(" " + key + ":"), std::string::npos) << key;
  }
}

TEST(OpenApi, TellsOfEveryWriteThatItMayBeForbidden) {
  std::set<std::string> documented_ones;
  std::string path;
  std::string method;
  std::smatch parts;
  for (const std::string& line : document()) {
    if (line == "components:") break;
    if (std::regex_match(line, parts, std::regex("  (/.*):"))) path = parts[1];
    if (std::regex_match(line, parts, std::regex("    ([a-z]+):"))) method = parts[1];
    if (line.find("\"403\":") != std::string::npos) documented_ones.insert(method + " " + path);
  }
  std::set<std::string> writes;
  for (const Route& route : routes()) {
    if (route.access != Access::kWrite) continue;
    std::string operation = std::string(route.method) + " " + std::string(route.path);
    for (char& c : operation) c = static_cast<char>(std::tolower(c));
    writes.insert(operation);
  }
  EXPECT_EQ(documented_ones, writes);
}

TEST(OpenApi, ListsTheWordsThatAreGiven) {
  std::string text;
  for (const std::string& line : document()) text += line + "\n";
  const auto listed = [&text](std::string_view word) {
    return std::regex_search(text, std::regex("[\\[ ]" + std::string(word) + "[,\\]\n]"));
  };
  for (const auto value : kEmptyReasons) EXPECT_TRUE(listed(name(value))) << name(value);
  for (const auto value : kExitClasses) EXPECT_TRUE(listed(name(value))) << name(value);
  EXPECT_FALSE(listed("no_such_word"));
}

}  // namespace
}  // namespace mayfly::control
