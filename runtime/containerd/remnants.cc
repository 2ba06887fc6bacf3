#include "runtime/containerd/remnants.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>
#include <utility>
#include <vector>

#include "runtime/oci/digest.h"
#include "runtime/pidfd.h"

namespace mayfly::containerd {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using Words = std::vector<std::string>;

constexpr auto kPatience = 2s;  ///< from SIGKILL to an empty cgroup
constexpr auto kPause = 5ms;    ///< no file tells, on both cgroup versions, that the last has gone
constexpr std::size_t kCommandLineMax = 4096;
constexpr int kLooksMax = 3;

// Where runc's shim v2 keeps its socket and runc its state, whatever containerd's own folders are.
constexpr const char* kShimSockets = "/run/containerd/s/";
constexpr const char* kRuncState = "/run/containerd/runc/";

/// Empty for a process that has gone, and for the kernel's own.
Words command_line(const fs::path& process) {
  std::ifstream file(process / "cmdline", std::ios::binary);
  Words words;
  std::size_t size = 0;
  for (std::string word; size < kCommandLineMax && std::getline(file, word, '\0');) {
    size += word.size();
    words.push_back(std::move(word));
  }
  return words;
}

bool has_option(const Words& words, const char* option, const std::string& value) {
  const auto found = std::ranges::find(words, option);
  return found != words.end() && found + 1 != words.end() && *(found + 1) == value;
}

bool is_shim_of(const Words& words, const Options& options, const std::string& name) {
  return !words.empty() && words[0].ends_with("containerd-shim-runc-v2") &&
         has_option(words, "-namespace", options.name_space) && has_option(words, "-id", name) &&
         has_option(words, "-address", options.socket);
}

/// runc at work on the container: it makes one cgroup after the other.
bool is_runc_of(const Words& words, const Options& options, const std::string& name) {
  const auto program = options.runc.empty() ? fs::path("runc") : fs::path(options.runc);
  return !words.empty() && fs::path(words[0]).filename() == program.filename() &&
         has_option(words, "--root", kRuncState + options.name_space) && words.back() == name;
}

bool is_at_work_for(const Words& words, const Options& options, const std::string& name) {
  return is_shim_of(words, options, name) || is_runc_of(words, options, name);
}

/// By pidfd, and looked at again through it: the pid may belong to another by now. Waits for its
/// end, or what it was about to make would come after us.
void end_process(pid_t pid, const Options& options, const std::string& name) {
  const auto fd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  if (fd < 0) return;
  if (is_at_work_for(command_line("/proc/" + std::to_string(pid)), options, name)) {
    runtime::send_signal(fd, SIGKILL);
    pollfd end{fd, POLLIN, 0};
    poll(&end, 1, static_cast<int>(std::chrono::milliseconds(kPatience).count()));
  }
  close(fd);
}

/// How many there were.
int end_processes_seen(const Options& options, const std::string& name) {
  int ended = 0;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator("/proc", ignored)) {
    const auto text = entry.path().filename().string();
    pid_t pid = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), pid);
    if (error != std::errc{} || end != text.data() + text.size()) continue;
    if (!is_at_work_for(command_line(entry.path()), options, name)) continue;
    end_process(pid, options, name);
    ++ended;
  }
  return ended;
}

void end_processes(const Options& options, const std::string& name) {
  // A shim may have started a runc behind the place that the look had reached.
  for (int look = 0; look < kLooksMax; ++look) {
    if (end_processes_seen(options, name) == 0) break;
  }
  std::error_code ignored;
  const auto address = options.socket + "/" + options.name_space + "/" + name;
  const auto digest = oci::sha256_digest(address);
  fs::remove(kShimSockets + digest.substr(digest.find(':') + 1), ignored);
}

/// One on the unified hierarchy; on the old ones, one in each.
std::vector<fs::path> cgroups(const std::string& path) {
  const fs::path root = "/sys/fs/cgroup";
  const auto below = path.substr(path.find_first_not_of('/'));
  std::vector<fs::path> found;
  std::error_code ignored;
  if (fs::is_directory(root / below, ignored)) found.push_back(root / below);
  for (const auto& hierarchy : fs::directory_iterator(root, ignored)) {
    if (hierarchy.is_symlink(ignored)) continue;  // "cpu" and "cpuacct" may be one
    const auto cgroup = hierarchy.path() / below;
    if (fs::is_directory(cgroup, ignored)) found.push_back(cgroup);
  }
  return found;
}

/// runc freezes what it is about to kill. Cut off there, it leaves processes that no signal ends.
void thaw(const fs::path& cgroup) {
  for (const auto& [file, value] : {std::pair{"freezer.state", "THAWED"}, {"cgroup.freeze", "0"}}) {
    std::error_code ignored;
    if (fs::exists(cgroup / file, ignored)) std::ofstream(cgroup / file) << value;
  }
}

void kill_all_in(const fs::path& cgroup) {
  std::ifstream processes(cgroup / "cgroup.procs");
  for (pid_t pid = 0; processes >> pid;) {
    if (pid > 0) kill(pid, SIGKILL);
  }
}

/// The files in it are the kernel's; it goes when it is empty.
bool remove_cgroup(const fs::path& cgroup) {
  std::error_code ignored;
  for (const auto& child : fs::directory_iterator(cgroup, ignored)) {
    if (child.is_directory(ignored)) remove_cgroup(child.path());
  }
  kill_all_in(cgroup);
  thaw(cgroup);
  return rmdir(cgroup.c_str()) == 0 || errno == ENOENT;
}

}  // namespace

bool is_plain_name(const std::string& name) {
  constexpr std::size_t kNameMax = 128;
  const auto plain = [](char byte) {
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || byte == '-' || byte == '_' || byte == '.';
  };
  return !name.empty() && name.size() <= kNameMax && name[0] != '.' &&
         std::ranges::all_of(name, plain);
}

std::string clear_remnants(const Options& options, const std::string& name,
                           const std::function<bool()>& stopped) {
  end_processes(options, name);
  const auto until = std::chrono::steady_clock::now() + kPatience;
  for (;;) {
    auto left = cgroups(options.cgroup_parent + "/" + name);
    std::erase_if(left, remove_cgroup);
    if (left.empty()) break;
    if (stopped() || std::chrono::steady_clock::now() >= until) {
      return "its cgroup does not become empty: " + left.front().string();
    }
    std::this_thread::sleep_for(kPause);
  }
  std::error_code ignored;
  fs::remove_all(kRuncState + options.name_space + "/" + name, ignored);
  return {};
}

}  // namespace mayfly::containerd
