#include <gtest/gtest.h>

#include "config/tree.h"
#include "tests/config/faults.h"

namespace mayfly::config {
namespace {

TEST(Toml, SaysWhereTheSyntaxIsWrong) {
  EXPECT_TRUE(holds(faults_of("name = \"a\"\nimage = \n"), "p.toml:2:"));
  EXPECT_TRUE(holds(faults_of("name = \"a\"\nimage = \n"), "is not valid TOML"));
  EXPECT_TRUE(holds(faults_of("name = \"a\"\nname = \"b\"\n"), "is not valid TOML"));
  EXPECT_TRUE(holds(faults_of("name = \"\xff\"\n"), "is not valid TOML"));
  EXPECT_TRUE(holds(faults_of(std::string("name = \"a\0b\"\n", 13)), "is not valid TOML"));
}

TEST(Toml, RefusesHeadersThatItsParserAssertsAgainst) {
  for (const char* text :
       {"[[[a]]]", "[[=", "[=", "[", "[[", "[[ \n", "[\n", "[.", "[é]", "[[[["}) {
    EXPECT_TRUE(holds(faults_of(text), "is not valid TOML")) << text;
  }
}

TEST(Toml, TakesOtherThanAsciiInStringsAndCommentsOnly) {
  EXPECT_EQ(faults_with("env = {A = \"é\", B = 'ü', \"ö\\u00e9\" = \"\"} # ß\n"),
            "p.toml:3:26: env.öé: its name must be letters, digits and underscores, not beginning "
            "with a digit\n");
  EXPECT_EQ(faults_of("\xef\xbb\xbf" + kMinimal), "");
  for (const char* text : {"é = 1", "a = é", "a = 1 é", "[é]", "a = [é]", "a\u00a0= 1"}) {
    EXPECT_TRUE(holds(faults_of(text), "only strings and comments may hold")) << text;
  }
  EXPECT_TRUE(holds(faults_of(kMinimal + "a = \xe9\n"), "p.toml:3:5: is not valid TOML: only"));
}

TEST(Toml, RefusesMoreThanAMebibyte) {
  const std::string comment = kMinimal + "#" + std::string(kTextBytesMax, 'x');
  EXPECT_TRUE(holds(faults_of(comment), "p.toml: is larger than 1 MiB"));
  EXPECT_EQ(faults_of(kMinimal + "#" + std::string(kTextBytesMax - kMinimal.size() - 1, 'x')), "");
}

TEST(Toml, RefusesKeysAndValuesThatNestTooDeep) {
  std::string key = "a";
  for (int i = 0; i < 200'000; ++i) key += ".a";
  for (const std::string& text :
       {key + " = 1", "[" + key + "]", "a = {" + key + " = 1}", "a = [\n{" + key + " = 1}]",
        "s = \"#\"\n" + key + " = 1", "s = '\"'\n" + key + " = 1",
        "s = \"\"\"\"\\\"\n\"\"\"\"\"\n" + key + " = 1", "s = '''\n''''\n" + key + " = 1",
        "# \"\n" + key + " = 1"}) {
    EXPECT_TRUE(holds(faults_of(text), "too many parts")) << text.substr(0, 40);
  }
  EXPECT_TRUE(holds(faults_of("a = " + std::string(100'000, '[')), "is not valid TOML"));
}

TEST(Toml, TakesDotsWhereTheyAreNoKeys) {
  const std::string dots(100, '.');
  EXPECT_EQ(faults_with("# " + dots + "\ncommand = [\"/a\", \"" + dots + "\", '" + dots +
                        "', \"\"\"\n" + dots + "\n\"\"\", \"\\\"" + dots + "\"]\n"),
            "");
}

TEST(Toml, ReadsTablesHoweverTheyAreWritten) {
  const auto inlined = parse_pool_toml(kMinimal + "resources = {pids = 7}", "p.toml");
  const auto dotted = parse_pool_toml(kMinimal + "resources.pids = 7", "p.toml");
  const auto header = parse_pool_toml(kMinimal + "[resources]\npids = 7", "p.toml");
  ASSERT_TRUE(inlined && dotted && header);
  EXPECT_EQ(inlined->worker.resources.pids, 7U);
  EXPECT_EQ(*inlined, *dotted);
  EXPECT_EQ(*inlined, *header);
  const auto mounts = parse_pool_toml(
      kMinimal +
          "[[mounts]]\nsource = \"/a\"\ntarget = \"/b\"\n[[mounts]]\nsource = \"/c\"\n"
          "target = \"/d\"\n",
      "p.toml");
  ASSERT_TRUE(mounts);
  EXPECT_EQ(mounts->worker.mounts, (std::vector<Mount>{{"/a", "/b", false}, {"/c", "/d", false}}));
}

}  // namespace
}  // namespace mayfly::config
