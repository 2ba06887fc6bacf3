#include "runtime/registry/helper.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <utility>

#include "runtime/descriptor.h"
#include "runtime/pidfd.h"

namespace mayfly::registry {
namespace {

using Clock = std::chrono::steady_clock;
using runtime::Descriptor;

constexpr std::size_t kOutputBytesMax = 64 * 1024;
constexpr std::size_t kInputBytesMax = 4096;  // less than a pipe holds: writing it never waits

struct Pipe {
  Descriptor read;
  Descriptor write;

  bool open() {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) return false;
    read.reset(ends[0]);
    write.reset(ends[1]);
    return true;
  }
};

/// What the child starts with: our pipes, no signal blocked or ignored.
class Setup {
 public:
  Setup(const Pipe& in, const Pipe& out) {
    posix_spawn_file_actions_init(&actions_);
    posix_spawn_file_actions_adddup2(&actions_, in.read.get(), STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions_, out.write.get(), STDOUT_FILENO);
    // What it complains of may quote what it was given.
    posix_spawn_file_actions_addopen(&actions_, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawnattr_init(&attributes_);
    sigset_t signals;
    sigemptyset(&signals);
    posix_spawnattr_setsigmask(&attributes_, &signals);
    sigaddset(&signals, SIGPIPE);
    posix_spawnattr_setsigdefault(&attributes_, &signals);
    posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  ~Setup() {
    posix_spawnattr_destroy(&attributes_);
    posix_spawn_file_actions_destroy(&actions_);
  }
  Setup(const Setup&) = delete;
  Setup& operator=(const Setup&) = delete;

  /// An errno.
  int spawn(pid_t& pid, const std::string& program) const {
    std::string path = program;
    std::string argument = "get";
    const std::array<char*, 3> argv{path.data(), argument.data(), nullptr};
    return posix_spawnp(&pid, path.c_str(), &actions_, &attributes_, argv.data(), environ);
  }

 private:
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

/// A child of ours until it is reaped, which happens here and nowhere else.
class Child {
 public:
  explicit Child(pid_t pid)
      : pid_(pid), pidfd_(static_cast<int>(syscall(SYS_pidfd_open, pid, 0))) {}
  ~Child() {
    if (reaped_) return;
    if (pidfd_) runtime::send_signal(pidfd_.get(), SIGKILL);
    reap();
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  [[nodiscard]] int pidfd() const { return pidfd_.get(); }
  /// Waits. Its exit code, or 128 and more for a signal.
  int reap() {
    int status = 0;
    while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) continue;
    reaped_ = true;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

 private:
  pid_t pid_;
  Descriptor pidfd_;
  bool reaped_ = false;
};

enum class Piece : std::uint8_t { kMore, kEnd, kTooMuch };

Piece read_piece(int from, std::string& output) {
  std::array<char, 4096> buffer{};
  const auto size = read(from, buffer.data(), buffer.size());
  if (size < 0 && errno == EINTR) return Piece::kMore;
  if (size <= 0) return Piece::kEnd;
  output.append(buffer.data(), static_cast<std::size_t>(size));
  return output.size() > kOutputBytesMax ? Piece::kTooMuch : Piece::kMore;
}

tl::unexpected<std::string> failed(const char* why) {
  return tl::unexpected(std::string(why));
}

/// Its output, until it has ended.
tl::expected<std::string, std::string> listen(const Child& child, int output_fd, int stop_fd,
                                              Clock::time_point until) {
  std::string output;
  std::array<pollfd, 3> wait{
      {{output_fd, POLLIN, 0}, {stop_fd, POLLIN, 0}, {child.pidfd(), POLLIN, 0}}};
  while (wait[0].fd >= 0 || wait[2].revents == 0) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now()).count();
    if (left <= 0) return failed("does not answer in time");
    if (poll(wait.data(), wait.size(), static_cast<int>(left)) < 0 && errno != EINTR) {
      return failed("cannot be waited for");
    }
    if (wait[1].revents != 0) return failed("was ended: the daemon is stopping");
    // A process that it left behind may hold the pipe open for ever: its own end is what counts.
    if (wait[0].revents == 0 && wait[2].revents != 0) break;
    if (wait[0].fd < 0 || wait[0].revents == 0) continue;
    const auto piece = read_piece(output_fd, output);
    if (piece == Piece::kTooMuch) return failed("says too much");
    if (piece == Piece::kEnd) wait[0].fd = -1;
  }
  return output;
}

}  // namespace

tl::expected<Ended, std::string> run_helper(const std::string& program, const std::string& input,
                                            std::chrono::milliseconds deadline,
                                            const std::stop_token& stop) {
  const auto until = Clock::now() + deadline;
  Pipe in;
  Pipe out;
  const Descriptor stopped(eventfd(0, EFD_CLOEXEC));
  if (input.size() > kInputBytesMax) return failed("cannot be given so long a name");
  if (!in.open() || !out.open() || !stopped) return failed("cannot be run: no file descriptors");
  // Before there is a reader that could be gone: nobody need ignore SIGPIPE.
  if (write(in.write.get(), input.data(), input.size()) < 0) return failed("cannot be written to");
  in.write.reset();
  pid_t pid = 0;
  const int error = Setup(in, out).spawn(pid, program);
  if (error != 0) return tl::unexpected("cannot be run: " + std::string(std::strerror(error)));
  Child child(pid);
  if (child.pidfd() < 0) return failed("cannot be watched");
  out.write.reset();
  in.read.reset();
  const std::stop_callback wake(stop, [fd = stopped.get()] { eventfd_write(fd, 1); });
  auto output = listen(child, out.read.get(), stopped.get(), until);
  if (!output) return tl::unexpected(std::move(output.error()));
  return Ended{child.reap(), std::move(*output)};
}

}  // namespace mayfly::registry
