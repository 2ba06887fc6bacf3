// What workers may do to the files that they write to.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <limits>

#include "tests/agent/logs/logs_fixture.h"

namespace mayfly::logs {
namespace {

class HostileWriter : public LogsTest {};

TEST_F(HostileWriter, MayClaimAHugeFile) {
  const auto files = open("w");
  say(files.out, "text\n");
  ASSERT_EQ(::ftruncate(files.out.get(), std::numeric_limits<off_t>::max()), 0);
  run_for(milliseconds(50));
  EXPECT_EQ(tail("w", std::numeric_limits<std::uint64_t>::max()), "");
  const auto chunk = logs_->read("p", "w", Stream::kStdout, 4096);
  EXPECT_EQ(chunk.bytes, "");
  EXPECT_EQ(chunk.next, static_cast<std::uint64_t>(std::numeric_limits<off_t>::max()));
  logs_->ended("p", "w");
}

TEST_F(HostileWriter, CannotHideBytesBetweenHoles) {
  const auto files = open("w");
  const Descriptor again(
      ::open(("/proc/self/fd/" + std::to_string(files.out.get())).c_str(), O_WRONLY));
  for (off_t i = 0; i < 2000; ++i) ASSERT_EQ(::pwrite(again.get(), "x", 1, i * 65536), 1);
  until([&] { return occupied("w.out") <= kBounds.worker_bytes + kSlop; });
}

TEST_F(HostileWriter, CannotReserveRoomBeyondTheEnd) {
  const auto files = open("w");
  say(files.out, "text\n");
  ASSERT_EQ(::fallocate(files.out.get(), FALLOC_FL_KEEP_SIZE, 0, 20 * kMiB), 0);
  until([&] { return occupied("w.out") <= kBounds.worker_bytes + kSlop; });
  EXPECT_EQ(tail("w", 5), "text\n");
}

TEST_F(HostileWriter, IsFoundOutWhenItWroteThroughAMapping) {
  const auto files = open("w");
  const Descriptor again(
      ::open(("/proc/self/fd/" + std::to_string(files.out.get())).c_str(), O_RDWR));
  ASSERT_EQ(::ftruncate(again.get(), 20 * kMiB), 0);
  run_for(milliseconds(100));
  void* const mapping =
      ::mmap(nullptr, 20 * kMiB, PROT_READ | PROT_WRITE, MAP_SHARED, again.get(), 0);
  ASSERT_NE(mapping, MAP_FAILED);
  for (std::size_t i = 0; i < 20 * kMiB; i += 4096) static_cast<char*>(mapping)[i] = 'x';
  ::munmap(mapping, 20 * kMiB);
  EXPECT_GE(occupied("w.out"), 20 * kMiB);
  open("next");
  logs_->ended("p", "next");
  EXPECT_LE(occupied("w.out"), kBounds.worker_bytes + kSlop);
}

/// Runs in a process of another user, with `file` as its standard output.
int as_another_user(const Descriptor& file, const std::function<int()>& act) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(file.get(), STDOUT_FILENO);
    if (::setgid(54321) != 0 || ::setuid(54321) != 0) ::_exit(99);
    ::_exit(act());
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST_F(HostileWriter, OfAnyUserMayOpenItsOwnStdoutAgain) {
  const auto files = open("w");
  EXPECT_EQ(as_another_user(files.out,
                            [] {
                              const int again = ::open("/proc/self/fd/1", O_WRONLY | O_APPEND);
                              return again >= 0 && ::write(again, "again\n", 6) == 6 ? 0 : errno;
                            }),
            0);
  EXPECT_EQ(tail("w", 100), "again\n");
}

TEST_F(HostileWriter, CannotReadLeaseOrChangeTheFile) {
  const auto files = open("w");
  EXPECT_EQ(as_another_user(files.out,
                            [] {
                              if (::open("/proc/self/fd/1", O_RDONLY) >= 0) return 1;
                              if (::fcntl(STDOUT_FILENO, F_SETLEASE, F_WRLCK) == 0) return 2;
                              if (::fchmod(STDOUT_FILENO, 04777) == 0) return 3;
                              return 0;
                            }),
            0);
  struct stat status {};
  ASSERT_EQ(::stat(path("w.out").c_str(), &status), 0);
  EXPECT_NE(status.st_uid, 0U) << "a worker's root would be the owner";
}

}  // namespace
}  // namespace mayfly::logs
