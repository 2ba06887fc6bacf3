#include "agent/doctor/host.h"

#include <grp.h>
#include <pthread.h>
#include <sched.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <thread>
#include <vector>

namespace mayfly::doctor {
namespace {

int connect_to(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return ENAMETOOLONG;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return errno;
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  const int error = ::connect(fd, generic, sizeof address) == 0 ? 0 : errno;
  close(fd);
  return error == EAGAIN ? 0 : error;  // its backlog is full, so it is there
}

std::optional<FileStatus> status_of(const std::string& path) {
  struct stat found {};
  if (stat(path.c_str(), &found) != 0) return std::nullopt;
  return FileStatus{found.st_mode, found.st_uid};
}

bool is_executable(const std::string& path) {
  return access(path.c_str(), X_OK) == 0;
}

bool group_is_there(const std::string& name) {
  if (name.find_first_not_of("0123456789") == std::string::npos) return true;
  std::vector<char> buffer(65'536);
  group entry{};
  group* found = nullptr;
  getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
  return found != nullptr;
}

bool pidfd_open_works() {
  const auto fd = static_cast<int>(syscall(SYS_pidfd_open, getpid(), 0));
  if (fd < 0) return false;
  close(fd);
  return true;
}

/// Of no process: one that may ask is told that it is not there.
bool may_ask_ptrace() {
  return ptrace(PTRACE_SEIZE, std::numeric_limits<pid_t>::max(), nullptr, nullptr) == -1 &&
         errno == ESRCH;
}

/// On a thread of its own, which ends with the question: the asker's policy stays.
bool may_take_realtime() {
  bool taken = false;
  std::thread([&taken] {
    sched_param parameter{};
    parameter.sched_priority = 1;
    taken = pthread_setschedparam(pthread_self(), SCHED_FIFO, &parameter) == 0;
  }).join();
  return taken;
}

std::optional<bool> clock_is_synchronised() {
  timex state{};
  const int answer = adjtimex(&state);
  if (answer < 0) return std::nullopt;
  return answer != TIME_ERROR && (state.status & STA_UNSYNC) == 0;
}

}  // namespace

Host this_host() {
  Host host;
  host.space = files::space_of;
  host.connect = connect_to;
  host.status = status_of;
  host.executable = is_executable;
  host.group_exists = group_is_there;
  host.pidfd_open = pidfd_open_works;
  host.ptrace = may_ask_ptrace;
  host.realtime = may_take_realtime;
  host.clock_synchronised = clock_is_synchronised;
  return host;
}

std::optional<std::string> read_file(const Host& host, const std::string& path,
                                     std::size_t bytes_max) {
  std::ifstream in(host.root + path, std::ios::binary);
  if (!in) return std::nullopt;
  std::string text(bytes_max, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad()) return std::nullopt;
  text.resize(static_cast<std::size_t>(in.gcount()));
  return text;
}

std::string find_gate(const std::string& configured, const std::string& libexec) {
  if (!configured.empty()) return is_executable(configured) ? configured : "";
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  for (const auto& folder : {self.parent_path(), std::filesystem::path(libexec)}) {
    const std::string path = folder / "mayfly-gate";
    if (is_executable(path)) return path;
  }
  return "";
}

}  // namespace mayfly::doctor
