// What the tests of logs share: a Logs on a loop of its own, in a folder of its own.
#pragma once

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "agent/logs/logs.h"
#include "runtime/descriptor.h"

namespace mayfly::logs {

namespace fs = std::filesystem;
using runtime::Descriptor;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

inline constexpr std::uint64_t kKiB = 1024;
inline constexpr std::uint64_t kMiB = 1024 * kKiB;
inline constexpr std::uint64_t kSlop = 3 * 4096;  // whole pages, at both ends and one to spare
inline constexpr Bounds kBounds{};

struct Opened {
  Descriptor out;
  Descriptor err;
};

inline void say(const Descriptor& file, const std::string& text) {
  ASSERT_EQ(::write(file.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
}

class LogsTest : public ::testing::Test {
 protected:
  LogsTest() {
    std::string pattern = fs::temp_directory_path() / "mayfly-logs-XXXXXX";
    root_ = ::mkdtemp(pattern.data());
    restart();
  }
  ~LogsTest() override {
    for (const auto& pool : logs_->pools()) logs_->drop_pool(pool);
    logs_.reset();
    fs::remove_all(root_);
  }

  void restart() {
    logs_.reset();
    logs_ = std::make_unique<Logs>(loop_, root_ + "/logs");
  }

  Opened open(const std::string& worker, Bounds bounds = kBounds) {
    const auto writers = logs_->open("p", worker, bounds);
    EXPECT_TRUE(writers) << writers.error();
    return {Descriptor(writers->out), Descriptor(writers->err)};
  }

  [[nodiscard]] std::string path(const std::string& file) const {
    return root_ + "/logs/p/" + file;
  }
  [[nodiscard]] std::uint64_t occupied(const std::string& file) const {
    struct stat status {};
    return ::stat(path(file).c_str(), &status) == 0
               ? static_cast<std::uint64_t>(status.st_blocks) * 512
               : 0;
  }
  [[nodiscard]] std::string tail(const std::string& worker, std::uint64_t bytes) const {
    return logs_->tail("p", worker, Stream::kStdout, bytes);
  }

  std::size_t run_for(milliseconds time) {
    loop_.restart();
    return loop_.run_for(time);
  }
  void until(const std::function<bool()>& so) {
    const auto deadline = steady_clock::now() + std::chrono::seconds(30);
    while (!so()) {
      ASSERT_LT(steady_clock::now(), deadline);
      run_for(milliseconds(5));
    }
  }

  std::string root_;
  boost::asio::io_context loop_;
  std::unique_ptr<Logs> logs_;
};

}  // namespace mayfly::logs
