// A static program for the inside of containers: says what it finds there, or ends in the way that
// is asked for. Knows nothing of Mayfly, so that what it says is evidence.
#include <arpa/inet.h>
#include <fcntl.h>
#include <grp.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

namespace {

std::string status_line(std::string_view key) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(key)) return line.substr(line.find_first_not_of(" \t", key.size()));
  }
  return "?";
}

/// "ok", or the name of what went wrong.
std::string outcome(int result) {
  return result >= 0 ? "ok" : strerrorname_np(errno) == nullptr ? "?" : strerrorname_np(errno);
}

std::string groups() {
  std::vector<gid_t> list(64);
  list.resize(static_cast<std::size_t>(getgroups(static_cast<int>(list.size()), list.data())));
  std::string text;
  for (const auto group : list) text += (text.empty() ? "" : ",") + std::to_string(group);
  return text;
}

std::string interfaces() {
  std::string text;
  auto* list = if_nameindex();
  for (auto* one = list; one != nullptr && one->if_index != 0; ++one) {
    text += (text.empty() ? "" : ",") + std::string(one->if_name);
  }
  if_freenameindex(list);
  return text;
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "-" : value;
}

std::string loopback() {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return outcome(bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address));
}

void tell_facts(const std::string& file) {
  const auto unfinished = file + ".tmp";
  char cwd[4096] = "?";
  char host[256] = "?";
  static_cast<void>(getcwd(cwd, sizeof cwd));
  static_cast<void>(gethostname(host, sizeof host));
  std::ofstream(unfinished) << "uid=" << geteuid() << "\ngid=" << getegid()
                            << "\ngroups=" << groups() << "\npid=" << getpid() << "\ncwd=" << cwd
                            << "\nhostname=" << host << "\nhome=" << environment("HOME")
                            << "\npath=" << environment("PATH")
                            << "\nasked=" << environment("ASKED") << "\ninterfaces=" << interfaces()
                            << "\nloopback=" << loopback()
                            << "\nno_new_privs=" << status_line("NoNewPrivs:")
                            << "\nseccomp=" << status_line("Seccomp:")
                            << "\nbounding=" << status_line("CapBnd:")
                            << "\neffective=" << status_line("CapEff:")
                            << "\nunshare=" << outcome(unshare(CLONE_NEWUSER))
                            << "\nmount=" << outcome(mount("x", "/proc", "tmpfs", 0, ""))
                            << "\nvsock=" << outcome(socket(AF_VSOCK, SOCK_STREAM, 0))
                            << "\nwrite_root=" << outcome(open("/written", O_CREAT | O_RDWR, 0600))
                            << "\nkcore=" << outcome(open("/proc/kcore", O_RDONLY))
                            << "\nsysctl=" << outcome(open("/proc/sys/kernel/hostname", O_WRONLY))
                            << "\n";
  rename(unfinished.c_str(), file.c_str());
}

/// Children that stay, until the limit stops it; then says how many there were.
void fork_all(const std::string& file) {
  int children = 0;
  for (pid_t child = fork(); child >= 0 && children < 10'000; child = fork()) {
    if (child == 0) {
      pause();
      _exit(0);
    }
    ++children;
  }
  std::ofstream(file) << children << "\n";
}

[[noreturn]] void eat_memory() {
  for (;;) {
    auto* page = static_cast<char*>(std::malloc(1 << 20));
    if (page == nullptr) _exit(9);
    std::memset(page, 1, 1 << 20);
  }
}

/// 0: something listens there.
int connect_to(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  return connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (words.empty()) return 64;
  if (words[0] == "exit") return std::stoi(words.at(1));
  if (words[0] == "raise") {
    // PID 1 ignores what it has no handler for, its own signals included; its child does not, but
    // only a death of PID 1 by the kernel's own hand shows: an illegal instruction.
    __builtin_trap();
  }
  if (words[0] == "connect") return connect_to(words.at(1));
  if (words[0] == "facts") tell_facts(words.at(1));
  if (words[0] == "forks") fork_all(words.at(1));
  if (words[0] == "eat") eat_memory();
  if (words[0] == "sleep") {
    for (;;) pause();
  }
}
