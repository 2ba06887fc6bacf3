#include "tests/support/private_containerd.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace mayfly::support {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr auto kPatience = 30s;  ///< for what must come; a loaded machine is no fault

/// Empty when it is gone: processes and their files in /proc go at any moment.
std::string slurp(const fs::path& file) {
  std::string text;
  const int fd = open(file.c_str(), O_RDONLY | O_CLOEXEC);
  std::array<char, 4096> buffer{};
  for (ssize_t size = 1; fd >= 0 && (size = read(fd, buffer.data(), buffer.size())) > 0;) {
    text.append(buffer.data(), static_cast<std::size_t>(size));
  }
  if (fd >= 0) close(fd);
  return text;
}

/// Outside of the system's temporary folder nothing is: the path of a unix socket must stay short.
std::string make_directory() {
  std::string path = "/tmp/mayfly-test-XXXXXX";
  if (mkdtemp(path.data()) == nullptr) throw std::runtime_error("cannot make " + path);
  return path;
}

std::string config(const std::string& directory) {
  return "version = 2\nroot = \"" + directory + "/root\"\nstate = \"" + directory +
         "/state\"\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n[grpc]\naddress = \"" +
         directory + "/c.sock\"\n";
}

bool connects(const std::string& socket_path) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  socket_path.copy(address.sun_path, sizeof address.sun_path - 1);
  const bool connected =
      connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  close(fd);
  return connected;
}

std::vector<fs::path> cgroups_of(const std::string& parent) {
  std::vector<fs::path> found;
  const fs::path root = "/sys/fs/cgroup";
  std::error_code ignored;
  if (fs::exists(root / parent.substr(1))) found.push_back(root / parent.substr(1));
  for (const auto& hierarchy : fs::directory_iterator(root, ignored)) {
    const auto path = hierarchy.path() / parent.substr(1);
    if (!hierarchy.is_symlink() && fs::exists(path, ignored)) found.push_back(path);
  }
  return found;
}

/// Files in a cgroup are the kernel's; only directories can be removed, children first.
void remove_cgroup(const fs::path& cgroup) {
  std::error_code ignored;
  for (const auto& child : fs::directory_iterator(cgroup, ignored)) {
    if (child.is_directory(ignored)) remove_cgroup(child.path());
  }
  rmdir(cgroup.c_str());
}

std::vector<std::string> mounts_under(const std::string& directory) {
  std::vector<std::string> found;
  std::ifstream mounts("/proc/self/mounts");
  std::string source;
  std::string target;
  std::string rest;
  while (mounts >> source >> target && std::getline(mounts, rest)) {
    if (target.starts_with(directory + "/")) found.push_back(target);
  }
  return found;
}

}  // namespace

PrivateContainerd::PrivateContainerd()
    : directory_(make_directory()), name_space_(fs::path(directory_).filename()) {
  std::ofstream(directory_ + "/config.toml") << config(directory_);
  start();
}

PrivateContainerd::~PrivateContainerd() {
  go_on();
  terminate();
  clear_away();
}

void PrivateContainerd::start() {
  const auto config_file = directory_ + "/config.toml";
  const auto log_file = directory_ + "/log";
  pid_ = fork();
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);  // a test that crashes leaves no daemon behind
    const int log = open(log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    dup2(log, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    execlp("containerd", "containerd", "-c", config_file.c_str(), nullptr);
    _exit(127);
  }
  wait_until_serving();
}

void PrivateContainerd::wait_until_serving() const {
  const auto until = std::chrono::steady_clock::now() + kPatience;
  while (!connects(socket())) {
    if (waitpid(pid_, nullptr, WNOHANG) != 0 || std::chrono::steady_clock::now() > until) {
      throw std::runtime_error("containerd does not start (Debian: containerd, runc): " +
                               slurp(directory_ + "/log"));
    }
    std::this_thread::sleep_for(10ms);  // nothing tells of a socket that is about to listen
  }
}

void PrivateContainerd::signal_and_reap(int signal) {
  if (pid_ <= 0) return;
  kill(pid_, signal);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

void PrivateContainerd::terminate() {
  signal_and_reap(SIGTERM);
}
void PrivateContainerd::kill9() {
  signal_and_reap(SIGKILL);
}

void PrivateContainerd::stop() const {
  if (pid_ > 0) kill(pid_, SIGSTOP);
}

void PrivateContainerd::go_on() const {
  if (pid_ > 0) kill(pid_, SIGCONT);
}

std::vector<pid_t> PrivateContainerd::shims() const {
  std::vector<pid_t> found;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator("/proc", ignored)) {
    const auto name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    const auto words = slurp(entry.path() / "cmdline");
    if (words.find("containerd-shim") != std::string::npos &&
        words.find(socket()) != std::string::npos) {
      found.push_back(static_cast<pid_t>(std::stol(name)));
    }
  }
  return found;
}

std::vector<pid_t> PrivateContainerd::container_processes() const {
  std::vector<pid_t> found;
  std::error_code ignored;
  const auto parents = cgroups_of(cgroup_parent());
  if (parents.empty()) return found;
  // Any of the hierarchies: all hold the same processes. One that vanishes meanwhile has none.
  for (const auto& child : fs::directory_iterator(parents.front(), ignored)) {
    std::istringstream pids(slurp(child.path() / "cgroup.procs"));
    for (pid_t pid = 0; pids >> pid;) found.push_back(pid);
  }
  return found;
}

std::vector<std::string> PrivateContainerd::leftovers() const {
  std::vector<std::string> left;
  for (const auto shim : shims()) left.push_back("shim " + std::to_string(shim));
  for (const auto& mount : mounts_under(directory_)) left.push_back("mount " + mount);
  std::error_code ignored;
  for (const auto& parent : cgroups_of(cgroup_parent())) {
    for (const auto& child : fs::directory_iterator(parent, ignored)) {
      if (child.is_directory()) left.push_back("cgroup " + child.path().string());
    }
  }
  for (const auto& state : {"/run/containerd/runc/" + name_space_,
                            directory_ + "/state/io.containerd.runtime.v2.task/" + name_space_}) {
    for (const auto& child : fs::directory_iterator(state, ignored)) {
      // A hidden one is what containerd, killed while it deletes, leaves of its own notes.
      if (child.path().filename().string().starts_with('.')) continue;
      left.push_back("state " + child.path().string());
    }
  }
  return left;
}

void PrivateContainerd::clear_away() const {
  for (const auto shim : shims()) kill(shim, SIGKILL);
  const auto until = std::chrono::steady_clock::now() + kPatience;
  for (auto left = container_processes(); !left.empty(); left = container_processes()) {
    if (std::chrono::steady_clock::now() > until) break;
    for (const auto process : left) kill(process, SIGKILL);
    std::this_thread::sleep_for(5ms);  // a killed process is no child of ours to wait for
  }
  const auto mounts = mounts_under(directory_);
  for (auto mount = mounts.rbegin(); mount != mounts.rend(); ++mount) {
    umount2(mount->c_str(), MNT_DETACH);
  }
  for (const auto& parent : cgroups_of(cgroup_parent())) remove_cgroup(parent);
  std::error_code ignored;
  fs::remove_all("/run/containerd/runc/" + name_space_, ignored);
  fs::remove_all(directory_, ignored);
}

}  // namespace mayfly::support
