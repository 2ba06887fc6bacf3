#include "agent/process_watch.h"

#include <fcntl.h>
#include <linux/types.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <string>
#include <utility>

#include "agent/clock.h"
#include "runtime/pidfd.h"

namespace mayfly::agent {
namespace {

// linux/pidfd.h of 6.15; Debian 12's headers are older.
struct PidfdInfo {
  __u64 mask;
  __u64 cgroupid;
  __u32 pid, tgid, ppid;
  __u32 ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
  __s32 exit_code;
};
static_assert(sizeof(PidfdInfo) == 64);
constexpr __u64 kPidfdInfoExit = 1ULL << 3;
constexpr unsigned long kPidfdGetInfo = _IOWR(0xFF, 11, PidfdInfo);

bool in_cgroup(pid_t pid, const std::string& cgroup) {
  if (cgroup.empty()) return false;
  std::ifstream file("/proc/" + std::to_string(pid) + "/cgroup");
  std::string line;
  while (std::getline(file, line)) {
    if (line.find(cgroup) != std::string::npos) return true;
  }
  return false;
}

core::ExitStatus from_wait_status(int status) {
  if (WIFSIGNALED(status)) return {.code = 0, .signal = WTERMSIG(status)};
  return {.code = WEXITSTATUS(status), .signal = 0};
}

}  // namespace

ProcessWatch::ProcessWatch(boost::asio::io_context& loop, Exited exited)
    : loop_(loop), exited_(std::move(exited)) {}

ProcessWatch::~ProcessWatch() {
  for (auto& [worker, watched] : watched_) let_go(*watched);
}

void ProcessWatch::let_go(Watched& watched) {
  for (const int held : std::exchange(watched.namespaces, {})) closer_.close_later(held);
}

bool ProcessWatch::watch(core::WorkerId worker, pid_t pid, const std::string& cgroup) {
  if (watched_.contains(worker)) return true;
  const auto pidfd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  if (pidfd < 0) return false;
  // In this order: the pidfd pins the process, so what its cgroup says now is said of this process.
  if (!in_cgroup(pid, cgroup) || runtime::has_ended(pidfd)) {
    ::close(pidfd);
    return false;
  }
  auto watched = std::make_unique<Watched>(loop_, pidfd, pid);
  for (const char* kind : {"mnt", "ipc", "net"}) {
    const std::string path = "/proc/" + std::to_string(pid) + "/ns/" + kind;
    const int held = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (held >= 0) watched->namespaces.push_back(held);
  }
  wait(worker, *watched);
  watched_.emplace(worker, std::move(watched));
  return true;
}

void ProcessWatch::wait(core::WorkerId worker, Watched& watched) {
  watched.descriptor.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                                [this, worker](const boost::system::error_code& error) {
                                  if (!error) exited_(worker, monotonic_now());
                                });
}

bool ProcessWatch::signal(core::WorkerId worker, int signal_number) {
  const auto found = watched_.find(worker);
  if (found == watched_.end()) return false;
  return runtime::send_signal(found->second->descriptor.native_handle(), signal_number);
}

std::optional<core::ExitStatus> ProcessWatch::exit_status(core::WorkerId worker) const {
  const auto found = watched_.find(worker);
  if (found == watched_.end()) return std::nullopt;
  PidfdInfo info{};
  info.mask = kPidfdInfoExit;
  if (ioctl(found->second->descriptor.native_handle(), kPidfdGetInfo, &info) != 0) {
    return std::nullopt;
  }
  if ((info.mask & kPidfdInfoExit) == 0) return std::nullopt;
  return from_wait_status(info.exit_code);
}

void ProcessWatch::forget(core::WorkerId worker) {
  const auto found = watched_.find(worker);
  if (found == watched_.end()) return;
  let_go(*found->second);
  watched_.erase(found);
}

std::optional<ProcessWatch::Process> ProcessWatch::process(core::WorkerId worker) const {
  const auto found = watched_.find(worker);
  if (found == watched_.end()) return std::nullopt;
  return Process{found->second->pid, found->second->descriptor.native_handle()};
}

}  // namespace mayfly::agent
