#include "systemd/listen_fds.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

namespace mayfly::systemd {
namespace {

constexpr int kFirst = 3;  // as sd_listen_fds(3) has it
constexpr const char* kWords[] = {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"};

/// In a process of its own, which the manager started with two descriptors: what it takes is looked
/// at there, and is good if `look` says so.
void with_two_handed_over(const std::function<bool()>& look) {
  const pid_t child = fork();
  if (child == 0) {
    for (const int fd : {kFirst, kFirst + 1}) {
      const int null = open("/dev/null", O_RDONLY);
      if (null != fd && (dup2(null, fd) != fd || close(null) != 0)) _exit(3);
    }
    setenv("LISTEN_PID", std::to_string(getpid()).c_str(), 1);
    setenv("LISTEN_FDS", "2", 1);
    setenv("LISTEN_FDNAMES", "control:read", 1);
    _exit(look() ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(ListenFds, AreTakenWithTheirNames) {
  with_two_handed_over([] {
    const auto taken = take_listen_fds();
    return taken && taken->size() == 2 && (*taken)[0].name == "control" &&
           (*taken)[0].fd == kFirst && (*taken)[1].name == "read" && (*taken)[1].fd == kFirst + 1;
  });
}

TEST(ListenFds, AreNotInheritedByChildren) {
  with_two_handed_over([] {
    bool good = take_listen_fds().has_value();
    for (const int fd : {kFirst, kFirst + 1}) good = good && fcntl(fd, F_GETFD) == FD_CLOEXEC;
    for (const char* word : kWords) good = good && getenv(word) == nullptr;
    return good;
  });
}

TEST(ListenFds, OfAnotherProcessAreNotOurs) {
  with_two_handed_over([] {
    setenv("LISTEN_PID", "1", 1);
    const auto taken = take_listen_fds();
    return taken && taken->empty() && getenv("LISTEN_FDS") == nullptr;
  });
}

TEST(ListenFds, ThatCannotBeReadAreAnError) {
  with_two_handed_over([] {
    setenv("LISTEN_FDS", "many", 1);
    const auto taken = take_listen_fds();
    return !taken && taken.error().find("LISTEN_FDS") != std::string::npos;
  });
}

TEST(ListenFds, AreNoneWithoutAManager) {
  const auto taken = take_listen_fds();
  ASSERT_TRUE(taken);
  EXPECT_TRUE(taken->empty());
}

}  // namespace
}  // namespace mayfly::systemd
