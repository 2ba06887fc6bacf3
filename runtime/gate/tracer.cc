#include "runtime/gate/tracer.h"

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "runtime/pidfd.h"

namespace mayfly::gate {
namespace {

using namespace std::chrono_literals;

// An exec takes a millisecond or two. The kernel tells of a stop by SIGCHLD, which would interrupt
// the calls of all threads: asking is cheaper.
constexpr std::chrono::microseconds kWaitFirst = 500us;
constexpr std::chrono::microseconds kWaitMax = 32ms;

constexpr unsigned kEventShift = 16;

}  // namespace

Tracer::Tracer(boost::asio::io_context& loop) : timer_(loop) {}

Tracer::~Tracer() {
  for (auto& [pid, process] : processes_) {
    if (process.state != State::kStranger) ::kill(pid, SIGKILL);
  }
}

tl::expected<void, std::string> Tracer::seize(pid_t pid, int pidfd, OnStopped on_stopped) {
  if (processes_.contains(pid)) return tl::make_unexpected(std::string("it is traced already"));
  const unsigned long options = PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
  if (::ptrace(PTRACE_SEIZE, pid, nullptr, options) != 0) {
    return tl::make_unexpected(std::string("it cannot be traced: ") + std::strerror(errno));
  }
  Process& process = processes_[pid];
  look_soon();
  if (runtime::has_ended(pidfd)) {
    // Then the number is another's by now, or nobody's.
    process.state = State::kStranger;
    ::ptrace(PTRACE_INTERRUPT, pid, nullptr, nullptr);
    return tl::make_unexpected(std::string("it has ended"));
  }
  process.on_stopped = std::move(on_stopped);
  return {};
}

// ---- what the kernel has to say of them ---------------------------------------------------------

void Tracer::look_soon() {
  wait_ = kWaitFirst;
  if (!std::exchange(is_looking_, true)) look_later();
}

void Tracer::look_later() {
  timer_.expires_after(wait_);
  wait_ = std::min(wait_ * 2, kWaitMax);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) look();
  });
}

void Tracer::look() {
  std::vector<pid_t> traced;
  for (const auto& [pid, process] : processes_) traced.push_back(pid);
  for (const pid_t pid : traced) look_at(pid);
  is_looking_ = !processes_.empty();
  if (is_looking_) look_later();
}

void Tracer::look_at(pid_t pid) {
  const auto found = processes_.find(pid);
  int status = 0;
  const pid_t told = ::waitpid(pid, &status, WNOHANG | __WALL);
  if (told == 0 || (told < 0 && errno == EINTR)) return;
  // It has ended, and by being asked for that, its parent is told.
  if (told < 0 || !WIFSTOPPED(status)) {
    processes_.erase(found);
    return;
  }
  const unsigned event = static_cast<unsigned>(status) >> kEventShift;
  const int its_signal = event == 0 ? WSTOPSIG(status) : 0;
  if (found->second.state == State::kStranger) {
    ::ptrace(PTRACE_DETACH, pid, nullptr, its_signal);
    processes_.erase(found);
    return;
  }
  if (event != PTRACE_EVENT_EXEC || found->second.state == State::kEnding) {
    // A signal on its way, which it is to get; or stopped as a group, which a gate never is for
    // long.
    ::ptrace(PTRACE_CONT, pid, nullptr, its_signal);
    return;
  }
  // Before the end of the exec, so that the signal is met before the program's first instruction.
  ::kill(pid, SIGSTOP);
  if (::ptrace(PTRACE_DETACH, pid, nullptr, nullptr) != 0) return;  // killed: we shall be told
  const OnStopped on_stopped = std::move(found->second.on_stopped);
  processes_.erase(found);
  on_stopped();
}

void Tracer::end(pid_t pid) {
  const auto found = processes_.find(pid);
  if (found == processes_.end() || found->second.state != State::kStarting) return;
  found->second = {State::kEnding, nullptr};
  // The number is its own until it is waited for.
  ::kill(pid, SIGKILL);
  look_soon();
}

}  // namespace mayfly::gate
