#include "tests/support/private_containerd.h"

#include <filesystem>
#include <fstream>

#include "tests/support/traces.h"

namespace mayfly::support {
namespace {

namespace fs = std::filesystem;

std::string config(const std::string& directory) {
  return "version = 2\nroot = \"" + directory + "/root\"\nstate = \"" + directory +
         "/state\"\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n[grpc]\naddress = \"" +
         directory + "/c.sock\"\n[plugins.\"io.containerd.internal.v1.opt\"]\npath = \"" +
         directory + "/opt\"\n";
}

}  // namespace

PrivateContainerd::PrivateContainerd() : PrivateDaemon(make_directory()) {
  std::ofstream(directory() + "/config.toml") << config(directory());
  start();
}

PrivateContainerd::~PrivateContainerd() {
  go_on();
  terminate();
  kill_all([this] { return shims(); });
  kill_all([this] { return container_processes(); });
  std::error_code ignored;
  for (const auto& folder : state_folders()) fs::remove_all(folder, ignored);
}

std::vector<std::string> PrivateContainerd::command() const {
  return {"containerd", "-c", directory() + "/config.toml"};
}

std::vector<pid_t> PrivateContainerd::shims() const {
  return processes_naming("containerd-shim", socket());
}

/// runc's is global by the namespace's name.
std::vector<std::string> PrivateContainerd::state_folders() const {
  return {"/run/containerd/runc/" + name_space(),
          directory() + "/state/io.containerd.runtime.v2.task/" + name_space()};
}

std::vector<std::string> PrivateContainerd::leftovers() const {
  std::vector<std::string> left;
  for (const auto shim : shims()) {
    const auto pid = std::to_string(shim);
    left.push_back("shim " + pid + " " + find_id(slurp("/proc/" + pid + "/cmdline")));
  }
  for (const auto& mount : mounts_under(directory())) left.push_back("mount " + mount);
  for (const auto& cgroup : cgroups_in(cgroup_parent()))
    left.push_back("cgroup " + cgroup.string());
  std::error_code ignored;
  for (const auto& folder : state_folders()) {
    for (const auto& child : fs::directory_iterator(folder, ignored)) {
      // A hidden one is what containerd, killed while it deletes, leaves of its own notes.
      if (child.path().filename().string().starts_with('.')) continue;
      left.push_back("state " + child.path().string());
    }
  }
  return left;
}

}  // namespace mayfly::support
