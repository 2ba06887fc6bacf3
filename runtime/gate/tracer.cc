#include "runtime/gate/tracer.h"

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "runtime/files/read.h"
#include "runtime/pidfd.h"

namespace mayfly::gate {
namespace {

using namespace std::chrono_literals;

// An exec takes a millisecond or two. The kernel tells of a stop by SIGCHLD, which would interrupt
// the calls of all threads: asking is cheaper.
constexpr std::chrono::microseconds kWaitFirst = 500us;
constexpr std::chrono::microseconds kWaitMax = 32ms;

constexpr unsigned kEventShift = 16;

tl::unexpected<std::string> fault_of(const char* what) {
  return tl::make_unexpected(std::string(what) + ": " + std::strerror(errno));
}

/// "" of one that has ended.
std::string told_of(pid_t pid, const char* what) {
  constexpr std::size_t kBytesMax = 8U << 20U;  // more than an exec takes
  return files::read_bounded("/proc/" + std::to_string(pid) + '/' + what, kBytesMax).value_or("");
}

/// Where the environment begins: the 50th field of /proc/PID/stat. The second is in parentheses,
/// and may hold anything.
std::optional<std::uintptr_t> environment_of(pid_t pid) {
  constexpr int kFieldAfterName = 3;
  constexpr int kFieldOfEnvironment = 50;
  const std::string text = told_of(pid, "stat");
  std::size_t at = text.rfind(") ");
  if (at == std::string::npos) return std::nullopt;
  ++at;
  for (int field = kFieldAfterName; field < kFieldOfEnvironment && at != std::string::npos;
       ++field) {
    at = text.find(' ', at + 1);
  }
  if (at == std::string::npos) return std::nullopt;
  const auto address = std::strtoull(text.c_str() + at, nullptr, 10);
  if (address == 0) return std::nullopt;
  return static_cast<std::uintptr_t>(address);
}

}  // namespace

Tracer::Tracer(boost::asio::io_context& loop) : timer_(loop) {}

Tracer::~Tracer() {
  for (auto& [pid, process] : processes_) {
    if (process.state != State::kStranger) ::kill(pid, SIGKILL);
  }
}

tl::expected<void, std::string> Tracer::seize(pid_t pid, int pidfd, const Environment& reserved,
                                              Held held) {
  if (processes_.contains(pid)) return tl::make_unexpected(std::string("it is traced already"));
  const unsigned long options = PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
  if (::ptrace(PTRACE_SEIZE, pid, nullptr, options) != 0) return fault_of("it cannot be traced");
  Process& process = processes_[pid];
  look_soon();
  if (runtime::has_ended(pidfd)) {
    // Then the number is another's by now, or nobody's.
    process.state = State::kStranger;
    ::ptrace(PTRACE_INTERRUPT, pid, nullptr, nullptr);
    return tl::make_unexpected(std::string("it has ended"));
  }
  process.held = std::move(held);
  for (const auto& [name, value] : reserved) process.rooms[name].bytes = value.size();
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
  std::vector<pid_t> open;
  for (const auto& [pid, process] : processes_) {
    if (process.state != State::kHeld) open.push_back(pid);
  }
  for (const pid_t pid : open) {
    // Who is told that one is held may end others.
    const auto found = processes_.find(pid);
    if (found != processes_.end() && !look_at(pid, found->second)) processes_.erase(pid);
  }
  is_looking_ = std::any_of(processes_.begin(), processes_.end(),
                            [](const auto& each) { return each.second.state != State::kHeld; });
  if (is_looking_) look_later();
}

bool Tracer::look_at(pid_t pid, Process& process) {
  int status = 0;
  const pid_t found = ::waitpid(pid, &status, WNOHANG | __WALL);
  if (found == 0) return true;
  if (found < 0) return errno == EINTR;
  // It has ended, and by being asked for that, its parent is told.
  if (!WIFSTOPPED(status)) return false;
  if (process.state == State::kStranger) {
    const bool by_signal = static_cast<unsigned>(status) >> kEventShift == 0;
    ::ptrace(PTRACE_DETACH, pid, nullptr, by_signal ? WSTOPSIG(status) : 0);
    return false;
  }
  stopped(pid, process, status);
  return true;
}

void Tracer::stopped(pid_t pid, Process& process, int status) {
  const unsigned event = static_cast<unsigned>(status) >> kEventShift;
  if (event != PTRACE_EVENT_EXEC) {
    // A signal on its way, which it is to get; or stopped as a group, which a gate never is for
    // long.
    ::ptrace(PTRACE_CONT, pid, nullptr, event == 0 ? WSTOPSIG(status) : 0);
    return;
  }
  if (process.state != State::kStarting) return;
  process.state = State::kHeld;
  const auto held = std::exchange(process.held, nullptr);
  const auto begin = environment_of(pid);
  // A NUL before each entry, so that a name is found only where an entry begins.
  const std::string entries = '\0' + told_of(pid, "environ");
  for (auto& [name, room] : process.rooms) {
    const std::string entry = '\0' + name + '=';
    const std::size_t at = entries.find(entry);
    if (!begin || at == std::string::npos) {
      return held(tl::make_unexpected("its environment has no " + name));
    }
    room.address = *begin + at + entry.size() - 1;
  }
  held({});
}

// ---- the release --------------------------------------------------------------------------------

tl::expected<void, std::string> Tracer::fill(pid_t pid, const Environment& env) {
  const auto found = processes_.find(pid);
  if (found == processes_.end() || found->second.state != State::kHeld) {
    return tl::make_unexpected(std::string("it is not held"));
  }
  for (const auto& [name, value] : env) {
    const auto room = found->second.rooms.find(name);
    if (room == found->second.rooms.end() || value.size() > room->second.bytes) {
      return tl::make_unexpected("there is no room for " + name + "=" + value);
    }
    std::string bytes = value;
    bytes.resize(room->second.bytes);  // empty entries behind it, that nothing points to
    iovec here{bytes.data(), bytes.size()};
    // NOLINTNEXTLINE(performance-no-int-to-ptr): an address of the other process
    iovec there{reinterpret_cast<void*>(room->second.address), bytes.size()};
    if (::process_vm_writev(pid, &here, 1, &there, 1, 0) != static_cast<ssize_t>(bytes.size())) {
      const auto fault = fault_of("its environment cannot be written");
      end(pid);
      return fault;
    }
  }
  return {};
}

tl::expected<void, std::string> Tracer::let_run(pid_t pid) {
  const auto found = processes_.find(pid);
  if (found == processes_.end() || found->second.state != State::kHeld) {
    return tl::make_unexpected(std::string("it is not held"));
  }
  if (::ptrace(PTRACE_DETACH, pid, nullptr, nullptr) != 0) {
    const auto fault = fault_of("it cannot be let go");
    end(pid);
    return fault;
  }
  processes_.erase(found);
  return {};
}

void Tracer::end(pid_t pid) {
  const auto found = processes_.find(pid);
  if (found == processes_.end()) return;
  Process& process = found->second;
  if (process.state == State::kEnding || process.state == State::kStranger) return;
  process = {State::kEnding, {}, nullptr};
  // The number is its own until it is waited for.
  ::kill(pid, SIGKILL);
  look_soon();
}

}  // namespace mayfly::gate
