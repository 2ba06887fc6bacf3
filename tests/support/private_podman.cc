#include "tests/support/private_podman.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "tests/support/traces.h"

namespace mayfly::support {
namespace {

namespace fs = std::filesystem;

/// A cgroup that Podman makes once, for all conmons, and never removes.
constexpr const char* kMonitors = "conmon";

/// Podman asks for limits of its own that are above the host's, which takes CAP_SYS_RESOURCE; and
/// it lowers its own number of processes to pid_max. So: what it is left with.
std::string limits() {
  rlimit files{};
  rlimit processes{};
  getrlimit(RLIMIT_NOFILE, &files);
  getrlimit(RLIMIT_NPROC, &processes);
  const auto most =
      std::min<rlim_t>(processes.rlim_max, std::stoul(slurp("/proc/sys/kernel/pid_max")));
  const auto both = [](rlim_t value) {
    return std::to_string(value) + ":" + std::to_string(value);
  };
  return "[\"nofile=" + both(files.rlim_cur) + "\", \"nproc=" + both(most) + "\"]";
}

}  // namespace

PrivatePodman::PrivatePodman() : PrivateDaemon(make_directory()) {
  write_configuration();
  start();
}

PrivatePodman::~PrivatePodman() {
  go_on();
  terminate();
  kill_all([this] { return container_processes(); });
  kill_all([this] { return monitors(); });
}

void PrivatePodman::write_configuration() const {
  std::ofstream(directory() + "/containers.conf")
      << "[containers]\ndefault_ulimits = " << limits() << "\n[engine]\nlock_type = \"file\"\n"
      << "[network]\nnetwork_backend = \"cni\"\nnetwork_config_dir = \"" << directory()
      << "/networks\"\n";
  std::ofstream(directory() + "/storage.conf")
      << "[storage]\ndriver = \"overlay\"\ngraphroot = \"" << storage() << "\"\nrunroot = \""
      << directory() << "/run\"\n";
  fs::create_directory(directory() + "/networks");
  // runc, with a state folder of its own: what conmon starts is not told Podman's flags for it.
  const auto runc = directory() + "/runc";
  std::ofstream(runc) << "#!/bin/sh\nexec runc --root " << directory() << "/runc-state \"$@\"\n";
  chmod(runc.c_str(), 0755);
}

std::map<std::string, std::string> PrivatePodman::environment() const {
  return {{"CONTAINERS_CONF", directory() + "/containers.conf"},
          {"CONTAINERS_STORAGE_CONF", directory() + "/storage.conf"}};
}

std::vector<std::string> PrivatePodman::base_command() const {
  return {"podman",
          "--root",
          storage(),
          "--runroot",
          directory() + "/run",
          "--tmpdir",
          directory() + "/tmp",
          "--runtime",
          directory() + "/runc",
          "--cgroup-manager",
          "cgroupfs",
          "--events-backend",
          "file"};
}

std::vector<std::string> PrivatePodman::command() const {
  auto words = base_command();
  words.insert(words.end(), {"system", "service", "--time=0", "unix://" + socket()});
  return words;
}

std::string PrivatePodman::podman(const std::vector<std::string>& words) const {
  auto all = base_command();
  all.insert(all.end(), words.begin(), words.end());
  return run(all, environment());
}

/// conmons, and what they start when a container ends.
std::vector<pid_t> PrivatePodman::monitors() const {
  auto found = processes_naming("conmon", directory());
  for (const auto* program : {"podman", "runc"}) {
    for (const auto one : processes_naming(program, directory())) {
      if (one != pid()) found.push_back(one);
    }
  }
  return found;
}

std::vector<pid_t> PrivatePodman::container_processes() const {
  return processes_in(cgroup_parent(), kMonitors);
}

std::vector<std::string> PrivatePodman::leftovers() const {
  std::vector<std::string> left;
  for (const auto one : monitors()) {
    const auto pid = std::to_string(one);
    left.push_back("monitor " + pid + " " + find_id(slurp("/proc/" + pid + "/cmdline")));
  }
  for (const auto& mount : mounts_under(directory())) {
    if (mount != storage() + "/overlay") left.push_back("mount " + mount);
  }
  for (const auto& cgroup : cgroups_in(cgroup_parent())) {
    if (cgroup.filename() != kMonitors) left.push_back("cgroup " + cgroup.string());
  }
  add_folders("container", storage() + "/overlay-containers", left);
  add_folders("volume", storage() + "/volumes", left);
  add_folders("state", directory() + "/runc-state", left);
  return left;
}

}  // namespace mayfly::support
