// What was said to be written is there, whatever happens: the process is killed, the disk is full.
#include <poll.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <functional>
#include <set>

#include "tests/agent/store/open_store.h"

namespace mayfly::store {
namespace {

namespace fs = std::filesystem;

std::string name_of(std::uint32_t number) {
  return "w-" + std::to_string(number);
}

/// In the child: records for ever; writes the number of each that was acknowledged to `acks`.
[[noreturn]] void record_until_killed(const fs::path& directory, int acks) {
  OpenStore opened{in_directory(directory)};
  std::uint32_t next = 0;
  std::function<void()> record_one = [&] {
    const std::uint32_t number = next++;
    opened.store->record(exit_of(name_of(number)), [&, number](bool good) {
      if (!good || write(acks, &number, sizeof number) != sizeof number) _exit(1);
      record_one();
    });
  };
  for (int i = 0; i < 20; ++i) record_one();  // several in flight, so that batches form
  opened.run();
  _exit(1);
}

/// Kills a recording child after `enough` acknowledgements; gives all that it made.
std::set<std::uint32_t> kill_while_recording(const fs::path& directory, std::size_t enough) {
  int pipes[2];
  EXPECT_EQ(pipe(pipes), 0);
  const pid_t child = fork();
  if (child == 0) {
    close(pipes[0]);
    record_until_killed(directory, pipes[1]);
  }
  close(pipes[1]);
  std::set<std::uint32_t> acked;
  std::uint32_t number = 0;
  while (read(pipes[0], &number, sizeof number) == sizeof number) {
    acked.insert(number);
    if (acked.size() == enough) kill(child, SIGKILL);  // what is in the pipe was acknowledged too
  }
  close(pipes[0]);
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  return acked;
}

TEST(Durability, OfEveryAcknowledgedRecordOverAKill) {
  for (const std::size_t enough : {1U, 37U, 500U}) {
    const TemporaryDirectory directory;
    const auto acked = kill_while_recording(directory.path(), enough);
    ASSERT_GE(acked.size(), enough);
    OpenStore opened{in_directory(directory.path())};
    ASSERT_TRUE(opened.store) << opened.error;
    std::set<std::string> kept;
    for (const Exit& exit : opened.exits()) kept.insert(exit.worker);
    for (const std::uint32_t number : acked) EXPECT_EQ(kept.count(name_of(number)), 1U) << number;
    EXPECT_TRUE(opened.record(exit_of("after")));
  }
}

/// A file system of a fixed size, gone at the end.
class SmallDisk {
 public:
  explicit SmallDisk(const fs::path& path) : path_(path) {
    fs::create_directory(path_);
    mounted_ = mount("tmpfs", path_.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, "size=1m") == 0;
  }
  ~SmallDisk() {
    if (mounted_) umount2(path_.c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  [[nodiscard]] bool mounted() const { return mounted_; }

 private:
  fs::path path_;
  bool mounted_ = false;
};

/// Records until one is refused; gives the names of those that were not.
std::vector<std::string> fill(OpenStore& opened) {
  std::vector<std::string> written;
  for (std::uint32_t number = 0; number < 10'000; ++number) {
    Exit exit = exit_of(name_of(number));
    exit.stderr_tail = std::string(4096, 'x');
    if (!opened.record(std::move(exit))) break;
    written.push_back(name_of(number));
  }
  return written;
}

TEST(Durability, OfEveryAcknowledgedRecordOnAFullDisk) {
  if (geteuid() != 0) GTEST_SKIP() << "mounting a small disk takes root";
  const TemporaryDirectory directory;
  const SmallDisk disk{directory.path() / "disk"};
  ASSERT_TRUE(disk.mounted());
  const fs::path ballast = directory.path() / "disk/ballast";
  std::ofstream{ballast} << std::string(400'000, 'b');
  const Store::Options options = in_directory(directory.path() / "disk/state");
  std::vector<std::string> written;
  {
    OpenStore opened{options};
    ASSERT_TRUE(opened.store) << opened.error;
    written = fill(opened);
    ASSERT_GT(written.size(), 10U);
    Exit large = exit_of("no room");
    large.stderr_tail = std::string(4096, 'x');
    EXPECT_FALSE(opened.record(std::move(large)));
    EXPECT_EQ(opened.exits().size(), written.size());
    fs::remove(ballast);
    EXPECT_TRUE(opened.record(exit_of("after")));
  }
  OpenStore opened{options};
  ASSERT_TRUE(opened.store) << opened.error;
  written.emplace_back("after");
  for (const std::string& name : written) EXPECT_EQ(opened.exits({"", name, 1}).size(), 1U) << name;
  EXPECT_EQ(opened.exits().size(), written.size());
}

}  // namespace
}  // namespace mayfly::store
