#include "agent/cgroup_weight.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <iterator>

namespace mayfly::agent {
namespace {

namespace fs = std::filesystem;

/// A folder that looks like /sys/fs/cgroup.
class CgroupWeight : public ::testing::Test {
 protected:
  CgroupWeight() {
    std::string pattern = fs::temp_directory_path() / "cgroup-XXXXXX";
    root_ = ::mkdtemp(pattern.data());
  }
  ~CgroupWeight() override { fs::remove_all(root_); }

  void file(const std::string& path, const std::string& text = {}) const {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }
  [[nodiscard]] std::string text_of(const std::string& path) const {
    std::ifstream in(root_ / path);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  fs::path root_;
};

TEST_F(CgroupWeight, IsAWeightOnV2) {
  file("cgroup.controllers", "cpu memory");
  const auto weighed = weigh_cgroup("/a/mayfly", 1000, root_);
  ASSERT_TRUE(weighed) << weighed.error();
  EXPECT_EQ(text_of("a/mayfly/cpu.weight"), "1000");
  EXPECT_EQ(text_of("cgroup.subtree_control"), "+cpu");
  EXPECT_EQ(text_of("a/cgroup.subtree_control"), "+cpu");
  EXPECT_FALSE(fs::exists(root_ / "a/mayfly/cgroup.subtree_control"));
}

TEST_F(CgroupWeight, IsInSharesOnV1) {
  file("cpu/cpu.shares", "1024");
  ASSERT_TRUE(weigh_cgroup("/mayfly", 1000, root_));
  EXPECT_EQ(text_of("cpu/mayfly/cpu.shares"), "10240");
  EXPECT_EQ(text_of("cpu/cpu.shares"), "1024");
}

TEST_F(CgroupWeight, SaysWhyItCannotBeSet) {
  file("cpu", "not a directory");
  const auto weighed = weigh_cgroup("/mayfly", 1000, root_);
  ASSERT_FALSE(weighed);
  EXPECT_NE(weighed.error().find("cpu/mayfly"), std::string::npos) << weighed.error();
}

}  // namespace
}  // namespace mayfly::agent
