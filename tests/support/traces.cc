#include "tests/support/traces.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace mayfly::support {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr auto kPatience = 30s;

/// Files in a cgroup are the kernel's; only directories can be removed, children first.
void remove_cgroup(const fs::path& cgroup) {
  std::error_code ignored;
  for (const auto& child : fs::directory_iterator(cgroup, ignored)) {
    if (child.is_directory(ignored)) remove_cgroup(child.path());
  }
  rmdir(cgroup.c_str());
}

std::vector<fs::path> directories_in(const fs::path& parent) {
  std::vector<fs::path> found;
  std::error_code ignored;
  for (const auto& child : fs::directory_iterator(parent, ignored)) {
    if (child.is_directory(ignored)) found.push_back(child.path());
  }
  return found;
}

void add_processes(const fs::path& cgroup, std::vector<pid_t>& to) {
  std::istringstream pids(slurp(cgroup / "cgroup.procs"));
  for (pid_t pid = 0; pids >> pid;) to.push_back(pid);
  for (const auto& child : directories_in(cgroup)) add_processes(child, to);
}

}  // namespace

std::string make_directory() {
  std::string path = "/tmp/mayfly-test-XXXXXX";
  if (mkdtemp(path.data()) == nullptr) throw std::runtime_error("cannot make " + path);
  return path;
}

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

void add_folders(const std::string& kind, const fs::path& parent, std::vector<std::string>& to) {
  for (const auto& folder : directories_in(parent)) to.push_back(kind + " " + folder.string());
}

std::string find_id(const std::string& text) {
  constexpr std::size_t kDigits = 64;
  for (std::size_t start = 0; start + kDigits <= text.size();) {
    const auto end = std::min(text.find_first_not_of("0123456789abcdef", start), text.size());
    if (end - start == kDigits) return text.substr(start, kDigits);
    start = end + 1;
  }
  return {};
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

void unmount_under(const std::string& directory) {
  const auto mounts = mounts_under(directory);
  for (auto mount = mounts.rbegin(); mount != mounts.rend(); ++mount) {
    umount2(mount->c_str(), MNT_DETACH);
  }
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

std::vector<fs::path> cgroups_in(const std::string& parent) {
  std::vector<fs::path> found;
  for (const auto& cgroup : cgroups_of(parent)) {
    for (auto& child : directories_in(cgroup)) found.push_back(std::move(child));
  }
  return found;
}

void remove_cgroups(const std::string& parent) {
  for (const auto& cgroup : cgroups_of(parent)) remove_cgroup(cgroup);
}

std::vector<pid_t> processes_in(const std::string& parent, const std::string& but) {
  std::vector<pid_t> found;
  const auto cgroups = cgroups_of(parent);
  if (cgroups.empty()) return found;
  // Any of the hierarchies: all hold the same processes. One that vanishes meanwhile has none.
  for (const auto& child : directories_in(cgroups.front())) {
    if (but.empty() || child.filename() != but) add_processes(child, found);
  }
  return found;
}

std::vector<pid_t> processes_naming(const std::string& program, const std::string& word) {
  std::vector<pid_t> found;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator("/proc", ignored)) {
    const auto name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    const auto words = slurp(entry.path() / "cmdline");
    const auto first = words.substr(0, words.find('\0'));
    if (fs::path(first).filename().string().find(program) != std::string::npos &&
        words.find(word) != std::string::npos) {
      found.push_back(static_cast<pid_t>(std::stol(name)));
    }
  }
  return found;
}

void kill_all(const std::function<std::vector<pid_t>()>& found) {
  const auto until = std::chrono::steady_clock::now() + kPatience;
  for (auto left = found(); !left.empty(); left = found()) {
    if (std::chrono::steady_clock::now() > until) break;
    for (const auto process : left) kill(process, SIGKILL);
    std::this_thread::sleep_for(5ms);  // a killed process is no child of ours to wait for
  }
}

}  // namespace mayfly::support
