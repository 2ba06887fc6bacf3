#include "agent/process_watch.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

namespace mayfly::agent {
namespace {

constexpr core::WorkerId kWorker{7};

/// A child that waits to be told to exit with `code`, by the closing of a pipe.
class Child {
 public:
  explicit Child(int code) {
    std::array<int, 2> ends{};
    if (pipe(ends.data()) != 0) std::abort();
    pid_ = fork();
    if (pid_ == 0) {
      close(ends[1]);
      char byte = 0;
      (void)!read(ends[0], &byte, 1);
      _exit(code);
    }
    close(ends[0]);
    hold_ = ends[1];
  }
  ~Child() {
    release();
    if (pid_ > 0) waitpid(pid_, nullptr, 0);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  void release() {
    if (hold_ >= 0) close(hold_);
    hold_ = -1;
  }
  void reap() {
    waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
  int hold_ = -1;
};

/// A part of this process's own cgroup path; the children are in the same.
std::string own_cgroup() {
  std::ifstream file("/proc/self/cgroup");
  std::string line;
  std::getline(file, line);
  return line.substr(line.rfind(':') + 1);
}

class ProcessWatchTest : public testing::Test {
 protected:
  boost::asio::io_context loop_;
  std::vector<core::WorkerId> exited_;
  ProcessWatch watch_{loop_,
                      [this](core::WorkerId worker, core::Time) { exited_.push_back(worker); }};
};

TEST_F(ProcessWatchTest, TellsOfAnExitOnce) {
  Child child(0);
  ASSERT_TRUE(watch_.watch(kWorker, child.pid(), own_cgroup()));
  loop_.poll();
  EXPECT_TRUE(exited_.empty());
  child.release();
  loop_.restart();
  loop_.run_one();
  EXPECT_EQ(exited_, std::vector{kWorker});
}

TEST_F(ProcessWatchTest, RefusesAProcessOfAnotherContainer) {
  Child child(0);
  EXPECT_FALSE(watch_.watch(kWorker, child.pid(), "mayfly-00000000-no-such-container"));
  EXPECT_FALSE(watch_.watching(kWorker));
}

TEST_F(ProcessWatchTest, RefusesAProcessThatHasEnded) {
  Child child(0);
  const pid_t pid = child.pid();
  child.release();
  child.reap();
  EXPECT_FALSE(watch_.watch(kWorker, pid, own_cgroup()));
}

TEST_F(ProcessWatchTest, SignalsWhatItWatchesAndNothingElse) {
  Child child(0);
  ASSERT_TRUE(watch_.watch(kWorker, child.pid(), own_cgroup()));
  EXPECT_FALSE(watch_.signal(core::WorkerId{8}, SIGKILL));
  EXPECT_TRUE(watch_.signal(kWorker, SIGKILL));
  loop_.run_one();
  EXPECT_EQ(exited_, std::vector{kWorker});
}

TEST_F(ProcessWatchTest, AForgottenProcessIsSilentAndLeavesNoDescriptor) {
  const auto descriptors = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {});
  };
  // The loop opens descriptors of its own with the first thing that it watches.
  Child first(0);
  ASSERT_TRUE(watch_.watch(core::WorkerId{1}, first.pid(), own_cgroup()));
  const auto before = descriptors();
  Child child(0);
  ASSERT_TRUE(watch_.watch(kWorker, child.pid(), own_cgroup()));
  watch_.forget(kWorker);
  child.release();
  loop_.poll();
  EXPECT_TRUE(exited_.empty());
  EXPECT_FALSE(watch_.exit_status(kWorker));
  // The namespaces are closed by another thread. If it leaves one, the test does not end.
  while (descriptors() > before) std::this_thread::yield();
  EXPECT_EQ(descriptors(), before);
}

}  // namespace
}  // namespace mayfly::agent
