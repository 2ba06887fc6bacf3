#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/agent/cli/command.h"
#include "tests/agent/control/fake_operations.h"

namespace mayfly::cli {
namespace {

using json = nlohmann::json;

constexpr int kUsage = 2;
constexpr int kNotFound = 3;
constexpr int kNoEtcd = 6;

/// A person with a home. Their etcds are away; whose absence is told says which was meant.
class ContextCommand : public testing::Test {
 protected:
  ContextCommand() {
    for (const char* name : {"MAYFLY_CLUSTER", "MAYFLY_CONTEXTS", "MAYFLY_ENDPOINTS"}) {
      unsetenv(name);
    }
    setenv("XDG_CONFIG_HOME", home_.path().c_str(), 1);
  }
  ~ContextCommand() override { unsetenv("XDG_CONFIG_HOME"); }

  [[nodiscard]] std::filesystem::path folder() const { return home_.path() / "mayfly"; }
  void know(const std::vector<std::string>& clusters) const {
    std::filesystem::create_directories(folder());
    std::ofstream out(folder() / "contexts.toml");
    for (const std::string& each : clusters) {
      out << "[" << each << "]\nendpoints = [\"http://127.0.0.1:1\"]\n";
    }
  }
  static Ran run(const std::vector<std::string>& words) {
    return run_mayfly("/nonexistent/mayfly.sock", words);
  }
  static void expect_asks(const std::string& cluster, const std::vector<std::string>& words) {
    const Ran ran = run(words);
    EXPECT_EQ(ran.code, kNoEtcd) << ran.err;
    EXPECT_NE(ran.err.find("no etcd of cluster " + cluster + " answers"), std::string::npos)
        << ran.err;
  }
  static void expect_fails(int code, const std::vector<std::string>& parts,
                           const std::vector<std::string>& words) {
    const Ran ran = run(words);
    EXPECT_EQ(ran.code, code) << ran.err;
    for (const std::string& part : parts) {
      EXPECT_NE(ran.err.find(part), std::string::npos) << part << "\n" << ran.err;
    }
  }

 private:
  control::TemporaryDirectory home_;
};

TEST_F(ContextCommand, TheOnlyContextIsMeant) {
  know({"main"});
  expect_asks("main", {"get", "nodes"});
  expect_asks("main", {"node", "ls"});
  expect_asks("main", {"history", "encode"});
  expect_asks("main", {"describe", "node", "n1"});
  expect_asks("main", {"get", "pools", "--fleet"});
  expect_asks("main", {"status", "--fleet"});
  expect_asks("main", {"--fleet", "why", "encode"});
  expect_asks("main", {"scale", "encode", "2", "--fleet"});
}

TEST_F(ContextCommand, WithoutAFleetANodeIsMeant) {
  know({"main"});
  for (const char* verb : {"status", "why"}) {
    const Ran ran = run(std::string(verb) == "why" ? std::vector<std::string>{verb, "encode"}
                                                   : std::vector<std::string>{verb});
    EXPECT_NE(ran.err.find("/nonexistent/mayfly.sock"), std::string::npos) << ran.err;
  }
  expect_fails(kUsage, {"or --fleet"}, {"node", "drain", "n1"});
  expect_fails(kUsage, {"works on one node", "--fleet"}, {"retire", "w", "--fleet"});
}

TEST_F(ContextCommand, OfSeveralTheChosenOneIsMeant) {
  know({"east", "west"});
  expect_fails(kUsage, {"which fleet? There is east, west in ", "`mayfly context use NAME`"},
               {"status", "--fleet"});
  expect_fails(kNotFound, {"there is no context \"north\"", "there is east, west"},
               {"context", "use", "north"});
  EXPECT_EQ(run({"context", "use", "west"}).code, 0);
  expect_asks("west", {"get", "nodes"});
  expect_asks("east", {"--cluster", "east", "get", "nodes"});
  const json rows = json::parse(run({"context", "ls", "-o", "json"}).out)["contexts"];
  EXPECT_EQ(rows[0]["current"], false);
  EXPECT_EQ(rows[1]["current"], true);
  EXPECT_EQ(run({"context", "use", "east"}).code, 0);
  expect_asks("east", {"get", "nodes"});
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder()), {}), 2)
      << "the contexts and the choice, and no draft";
}

TEST_F(ContextCommand, AChoiceThatIsNoLongerThereIsNotGuessedAt) {
  know({"east", "west"});
  EXPECT_EQ(run({"context", "use", "west"}).code, 0);
  know({"east"});
  expect_fails(kNotFound, {"\"west\", is not in ", "there is east", "context use"},
               {"status", "--fleet"});
}

TEST_F(ContextCommand, WithoutAnyContextItSaysHowToMakeOne) {
  expect_fails(kNotFound, {"contexts.toml, /etc/mayfly/contexts.toml", "--cluster NAME"},
               {"get", "nodes"});
}

TEST_F(ContextCommand, OfAnEnvironmentTheClusterIsToBeNamed) {
  know({"main"});
  setenv("MAYFLY_ENDPOINTS", "http://127.0.0.1:1", 1);
  expect_fails(kUsage, {"MAYFLY_CLUSTER"}, {"get", "nodes"});
  setenv("MAYFLY_CLUSTER", "lab", 1);
  expect_asks("lab", {"get", "nodes"});
  unsetenv("MAYFLY_CLUSTER");
  unsetenv("MAYFLY_ENDPOINTS");
}

TEST_F(ContextCommand, WaitsForNoPipeInThePlaceOfTheChoice) {
  know({"east", "west"});
  ASSERT_EQ(mkfifo((folder() / "current-context").c_str(), 0600), 0);
  expect_fails(kUsage, {"which fleet?"}, {"get", "nodes"});
}

TEST_F(ContextCommand, SaysWhyAChoiceCannotBeKept) {
  std::ofstream(folder()) << "no folder";
  const std::string contexts = (folder().parent_path() / "contexts").string();
  std::ofstream(contexts) << "[main]\nendpoints = [\"http://127.0.0.1:1\"]\n";
  expect_fails(1, {"current-context cannot be written: "},
               {"--contexts", contexts, "context", "use", "main"});
}

}  // namespace
}  // namespace mayfly::cli
