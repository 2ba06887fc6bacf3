#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "config/tree.h"
#include "tests/config/faults.h"

namespace mayfly::config {
namespace {

namespace fs = std::filesystem;

class Load : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "mayfly-config-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    root_ = name;
    write("mayfly.toml", "");
  }
  void TearDown() override { fs::remove_all(root_); }

  void write(const std::string& name, const std::string& text) const {
    fs::create_directories((root_ / name).parent_path());
    std::ofstream{root_ / name} << text;
  }

  [[nodiscard]] tl::expected<Document, Faults> read() const { return load(root_ / "mayfly.toml"); }

  /// All faults with the temporary directory cut away.
  [[nodiscard]] std::string faults() const {
    const auto document = read();
    std::string text = document ? "" : text_of(document.error());
    const std::string prefix = root_.string() + "/";
    for (auto at = text.find(prefix); at != std::string::npos; at = text.find(prefix)) {
      text.erase(at, prefix.size());
    }
    return text;
  }

  fs::path root_;
};

std::string pool_named(const std::string& name) {
  return "name = \"" + name + "\"\nimage = \"i\"\n";
}

TEST_F(Load, TakesAnEmptyFileAndNoDirectories) {
  const auto document = read();
  ASSERT_TRUE(document) << faults();
  EXPECT_EQ(document->daemon, Daemon{});
  EXPECT_TRUE(document->pools.empty());
}

TEST_F(Load, ReadsPoolsFromFilesOfAnyName) {
  write("pools.d/10-first.toml", pool_named("encode"));
  write("pools.d/b.toml", pool_named("mail"));
  const auto document = read();
  ASSERT_TRUE(document) << faults();
  ASSERT_EQ(document->pools.size(), 2U);
  EXPECT_EQ(document->pools.at("encode").worker.image, "i");
  EXPECT_EQ(document->pool_files.at("encode"), (root_ / "pools.d/10-first.toml").string());
}

TEST_F(Load, MergesConfDKeyByKeyInTheOrderOfNames) {
  write("mayfly.toml",
        "[starts]\nparallel = 1\nrate = 5\n[node]\nlabels = {a = \"1\", b = \"2\"}\n");
  write("conf.d/20.toml", "[starts]\nparallel = 3\n[log]\nlevel = \"debug\"\n");
  write("conf.d/10.toml", "[starts]\nparallel = 2\nburst = 7\n[node]\nlabels = {b = \"3\"}\n");
  const auto document = read();
  ASSERT_TRUE(document) << faults();
  EXPECT_EQ(document->daemon.starts, (Starts{.parallel = 3, .rate = 5, .burst = 7}));
  EXPECT_EQ(document->daemon.log.level, "debug");
  EXPECT_EQ(document->daemon.node.labels,
            (std::map<std::string, std::string>{{"a", "1"}, {"b", "3"}}));
}

TEST_F(Load, RefusesANetworkThatTheRuntimeHasNot) {
  write("pools.d/a.toml", pool_named("a") + "network = \"front\"\n");
  const std::string found = faults();
  EXPECT_TRUE(holds(found, "pools.d/a.toml:3:11: network: must be \"none\" or \"host\" with"))
      << found;
  write("conf.d/a.toml", "[runtime]\nkind = \"docker\"\n");
  EXPECT_EQ(faults(), "");
}

TEST_F(Load, RefusesAKeyOfContainerdThatAnEarlierFileSet) {
  write("mayfly.toml", "[runtime]\nnamespace = \"own\"\n");
  write("conf.d/a.toml", "[runtime]\nkind = \"docker\"\n");
  const std::string found = faults();
  EXPECT_TRUE(holds(found, "conf.d/a.toml:2:8: runtime.kind: is \"docker\", but runtime.namespace"))
      << found;
}

TEST_F(Load, MergesWhatSeveralFilesSayOfARegistry) {
  write("mayfly.toml", "[registries.\"r:5000\"]\nplain_http = true\n");
  write("conf.d/a.toml", "[registries.\"r:5000\"]\nca_file = \"/ca\"\n[registries.s]\n");
  const auto document = read();
  ASSERT_TRUE(document) << faults();
  std::map<std::string, Registry> wanted;
  wanted["r:5000"].plain_http = true;
  wanted["r:5000"].ca_file = "/ca";
  wanted["s"] = {};
  EXPECT_EQ(document->daemon.registries, wanted);
}

TEST_F(Load, GivesTheFaultsOfAllFilesAtOnce) {
  write("mayfly.toml", "[node\n");
  write("conf.d/a.toml", "[log]\nlevel = \"loud\"\n");
  write("pools.d/a.toml", "name = \n");
  write("pools.d/b.toml", pool_named("b") + "replicas = -1\n");
  const std::string found = faults();
  EXPECT_TRUE(holds(found, "conf.d/a.toml:2:9: log.level: must be")) << found;
  EXPECT_TRUE(holds(found, "\nmayfly.toml:1:")) << found;
  EXPECT_TRUE(holds(found, "\npools.d/a.toml:1:")) << found;
  EXPECT_TRUE(holds(found, "\npools.d/b.toml:3:12: replicas: must be")) << found;
  EXPECT_EQ(std::count(found.begin(), found.end(), '\n'), 4);
}

TEST_F(Load, RefusesAPoolDefinedTwiceAndNamesBothFiles) {
  write("pools.d/a.toml", pool_named("encode"));
  write("pools.d/b.toml", "image = \"i\"\nname = \"encode\"\n");
  EXPECT_EQ(faults(),
            "pools.d/b.toml:2:8: name: the pool \"encode\" is defined in pools.d/a.toml too\n");
}

TEST_F(Load, SaysThatPoolsStandElsewhere) {
  write("mayfly.toml", "[[pools]]\nname = \"a\"\n");
  EXPECT_TRUE(holds(faults(), "pools stand in pools.d/*.toml")) << faults();
}

TEST_F(Load, RefusesWhatItCannotRead) {
  fs::remove(root_ / "mayfly.toml");
  EXPECT_EQ(faults(), "mayfly.toml: cannot be read: No such file or directory\n");
  fs::create_directory(root_ / "mayfly.toml");
  EXPECT_EQ(faults(), "mayfly.toml: is not a regular file\n");
}

TEST_F(Load, RefusesAFifoWithoutWaitingForIt) {
  fs::create_directory(root_ / "pools.d");
  ASSERT_EQ(mkfifo((root_ / "pools.d/a.toml").c_str(), 0600), 0);
  EXPECT_EQ(faults(), "pools.d/a.toml: is not a regular file\n");
}

TEST_F(Load, RefusesADirectoryThatIsNone) {
  write("pools.d", "");
  EXPECT_EQ(faults(), "pools.d: cannot be read: Not a directory\n");
}

TEST_F(Load, FollowsSymlinksAndRefusesDanglingOnes) {
  write("elsewhere", pool_named("encode"));
  fs::create_directory(root_ / "pools.d");
  fs::create_symlink(root_ / "elsewhere", root_ / "pools.d/a.toml");
  ASSERT_TRUE(read()) << faults();
  EXPECT_EQ(read()->pools.count("encode"), 1U);
  fs::remove(root_ / "elsewhere");
  EXPECT_EQ(faults(), "pools.d/a.toml: cannot be read: No such file or directory\n");
}

TEST_F(Load, PassesOverFilesThatAreNotConfiguration) {
  write("pools.d/.#a.toml", "not toml");
  write("pools.d/a.toml~", "not toml");
  write("pools.d/a.toml.dpkg-old", "not toml");
  write("pools.d/README", "not toml");
  EXPECT_EQ(faults(), "");
}

TEST_F(Load, RefusesAFileOfMoreThanAMebibyte) {
  write("pools.d/a.toml", pool_named("a") + "#" + std::string(kTextBytesMax, 'x'));
  EXPECT_EQ(faults(), "pools.d/a.toml: is larger than 1 MiB, the most that is read\n");
}

TEST_F(Load, RefusesMoreThanAThousandFiles) {
  for (int i = 0; i <= 1024; ++i) {
    const std::string name = "p" + std::to_string(i);
    write("pools.d/" + name + ".toml", pool_named(name));
  }
  EXPECT_EQ(faults(), "pools.d: holds more than 1024 files\n");
  fs::remove(root_ / "pools.d/p0.toml");
  ASSERT_TRUE(read()) << faults();
  EXPECT_EQ(read()->pools.size(), 1024U);
}

TEST_F(Load, WorksFromARelativePath) {
  write("pools.d/a.toml", pool_named("a"));
  const fs::path before = fs::current_path();
  fs::current_path(root_);
  const auto document = load("mayfly.toml");
  fs::current_path(before);
  ASSERT_TRUE(document);
  EXPECT_EQ(document->pool_files.at("a"), "pools.d/a.toml");
}

}  // namespace
}  // namespace mayfly::config
