// Pools that share a file system, as where the daemon may not mount: mayflyd.service is so.
#include <gtest/gtest.h>
#include <sys/mount.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "agent/logs/logs.h"
#include "runtime/descriptor.h"

namespace mayfly::logs {
namespace {

namespace fs = std::filesystem;
using Names = std::vector<std::string>;

constexpr std::uint64_t kKiB = 1024;
constexpr std::uint64_t kMiB = 1024 * kKiB;

/// A directory that holds a file already is not mounted over.
class SharedLogs : public ::testing::Test {
 protected:
  SharedLogs() {
    std::string pattern = fs::temp_directory_path() / "mayfly-logs-XXXXXX";
    root_ = ::mkdtemp(pattern.data());
  }
  ~SharedLogs() override {
    if (is_mounted_) ::umount2(root_.c_str(), MNT_DETACH);
    fs::remove_all(root_);
  }

  void share(const std::string& options) {
    ASSERT_EQ(::mount("mayfly-logs", root_.c_str(), "tmpfs", 0, options.c_str()), 0);
    is_mounted_ = true;
  }
  void write(Logs& logs, const std::string& worker, std::uint64_t bytes) {
    fs::create_directories(root_ + "/p");
    std::ofstream(root_ + "/p/keep");
    const auto writers = logs.open("p", worker, kBounds);
    ASSERT_TRUE(writers) << writers.error();
    const runtime::Descriptor out(writers->out);
    const runtime::Descriptor err(writers->err);
    const std::string text(bytes, 'x');
    ASSERT_EQ(::write(out.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }

  static constexpr Bounds kBounds{.worker_bytes = kMiB, .pool_bytes = kMiB};

  std::string root_;
  bool is_mounted_ = false;
  boost::asio::io_context loop_;
};

TEST_F(SharedLogs, KeepThePoolWithinItsBytesTogetherWithTheLiving) {
  Logs logs(loop_, root_);
  write(logs, "ended", 600 * kKiB);
  logs.ended("p", "ended");
  write(logs, "live", 600 * kKiB);
  loop_.run_one();  // which tells that it has grown
  write(logs, "next", 1);
  logs.ended("p", "next");
  EXPECT_EQ(logs.kept("p"), (Names{"live", "next"}));
}

TEST_F(SharedLogs, GiveUpTheOldestEndedWhereTheFileSystemIsNearlyFull) {
  share("size=1m");
  Logs logs(loop_, root_);
  write(logs, "1", 300 * kKiB);
  logs.ended("p", "1");
  write(logs, "2", 300 * kKiB);
  logs.ended("p", "2");
  EXPECT_EQ(logs.kept("p"), (Names{"1", "2"}));
  write(logs, "3", 300 * kKiB);
  logs.ended("p", "3");
  EXPECT_EQ(logs.kept("p"), (Names{"2", "3"}));
}

TEST_F(SharedLogs, AreFoundAgainByTheNextRun) {
  share("size=64m");
  {
    Logs logs(loop_, root_);
    write(logs, "w", 5);
  }
  Logs logs(loop_, root_);
  logs.adopt("p", "w", kBounds);
  EXPECT_EQ(logs.tail("p", "w", Stream::kStdout, 100), "xxxxx");
  logs.drop_pool("p");
  EXPECT_FALSE(fs::exists(root_ + "/p"));
}

}  // namespace
}  // namespace mayfly::logs
