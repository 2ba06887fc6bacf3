#include "config/contexts.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/config/faults.h"

namespace mayfly::config {
namespace {

std::string context_faults(const std::string& text) {
  const auto contexts = parse_contexts(text, "c.toml");
  return contexts ? "" : text_of(contexts.error());
}

TEST(Contexts, HaveASectionForEachCluster) {
  const auto contexts = parse_contexts(R"(
[lab]
endpoints = ["http://127.0.0.1:2379"]
[prod]
endpoints = ["https://a:2379", "https://b:2379"]
cluster = "main"
ca_file = "/ca.pem"
cert_file = "/me.pem"
key_file = "/me.key"
user = "anna"
password_file = "/pw"
)",
                                       "c.toml");
  ASSERT_TRUE(contexts) << text_of(contexts.error());
  EXPECT_EQ(contexts->at("lab").cluster, "lab") << "the section's name, unless it is said";
  const Coordinator& prod = contexts->at("prod");
  EXPECT_EQ(prod.cluster, "main");
  EXPECT_EQ(prod.endpoints.size(), 2U);
  EXPECT_EQ(prod.key_file, "/me.key");
  EXPECT_EQ(prod.password_file, "/pw");
}

TEST(Contexts, SayAllThatIsWrongAtItsPlace) {
  const std::string faults = context_faults(R"([lab]
endpoints = ["ftp://x"]
usr = "anna"
[Prod]
endpoints = []
user = "anna"
[none]
)");
  for (const char* fault :
       {"c.toml:2:14: lab.endpoints[0]: must be \"https://host:port\"",
        "c.toml:3:1: lab.usr: is not a known key; did you mean \"user\"?",
        "c.toml:4:2: Prod: its name must be 1 to 40", "c.toml:5:13: Prod.endpoints: must name at",
        "c.toml:6:8: Prod.user: needs password_file too",
        "c.toml:7:1: none.endpoints: must name at least one"}) {
    EXPECT_TRUE(holds(faults, fault)) << fault << "\n" << faults;
  }
  EXPECT_TRUE(holds(context_faults("lab = 3\n"), "c.toml:1:1: lab: must be a table"));
  EXPECT_TRUE(holds(context_faults("[lab\n"), "c.toml:1:"));
  EXPECT_TRUE(holds(context_faults("[lab]\nendpoints = [\"http://a:1\"]\non_loss = \"keep\"\n"),
                    "lab.on_loss: is not a known key"));
}

TEST(Contexts, OfTheFirstFileGoBefore) {
  const auto folder = std::filesystem::path(::testing::TempDir());
  const auto mine = folder / "mine.toml";
  const auto hosts = folder / "hosts.toml";
  std::ofstream(mine) << "[lab]\nendpoints = [\"http://mine:1\"]\n";
  std::ofstream(hosts) << "[lab]\nendpoints = [\"http://hosts:1\"]\n"
                       << "[other]\nendpoints = [\"http://other:1\"]\n";
  const auto contexts = load_contexts({mine, hosts});
  ASSERT_TRUE(contexts) << text_of(contexts.error());
  EXPECT_EQ(contexts->at("lab").endpoints.front(), "http://mine:1");
  EXPECT_TRUE(contexts->contains("other"));
  const auto missing = load_contexts({folder / "nowhere.toml"});
  ASSERT_FALSE(missing);
  EXPECT_TRUE(holds(text_of(missing.error()), "nowhere.toml: cannot be read: No such file"));
}

TEST(Contexts, MayBeTheEnvironments) {
  const auto context = context_of(
      {{"endpoints", "http://a:1,http://b:2"}, {"user", "anna"}, {"password_file", "/pw"}}, "lab",
      "environment");
  ASSERT_TRUE(context) << text_of(context.error());
  EXPECT_EQ(context->endpoints, (std::vector<std::string>{"http://a:1", "http://b:2"}));
  EXPECT_EQ(context->cluster, "lab");
  const auto bad =
      context_of({{"endpoints", "a:1"}, {"user", "anna"}}, "Not A Name", "environment");
  ASSERT_FALSE(bad);
  for (const char* fault : {"environment: endpoints[0]: must be", "environment: user: needs",
                            "environment: cluster: must be 1 to 40"}) {
    EXPECT_TRUE(holds(text_of(bad.error()), fault)) << text_of(bad.error());
  }
}

}  // namespace
}  // namespace mayfly::config
