#include "tests/support/private_dockerd.h"

#include <fstream>

#include "tests/support/traces.h"

namespace mayfly::support {

PrivateDockerd::PrivateDockerd(LiveRestore live_restore)
    : PrivateDaemon(make_directory()), live_restore_(live_restore) {
  std::ofstream(directory() + "/daemon.json") << "{}";
  start();
}

PrivateDockerd::~PrivateDockerd() {
  go_on();
  kill9();  // on TERM it waits for its containers
  kill_all([this] { return containerd_.shims(); });
  kill_all([this] { return container_processes(); });
}

std::vector<std::string> PrivateDockerd::command() const {
  std::vector<std::string> words = {"dockerd",
                                    "--config-file",
                                    directory() + "/daemon.json",  // not the host's
                                    "--containerd",
                                    containerd_.socket(),
                                    "--containerd-namespace",
                                    containerd_.name_space(),
                                    "--containerd-plugins-namespace",
                                    containerd_.name_space() + "-plugins",
                                    "--data-root",
                                    storage(),
                                    "--exec-root",
                                    directory() + "/exec",
                                    "--pidfile",
                                    directory() + "/pid",
                                    "--host",
                                    "unix://" + socket(),
                                    "--cgroup-parent",
                                    cgroup_parent(),
                                    "--bridge=none",
                                    "--iptables=false",
                                    "--ip-masq=false",
                                    "--ip-forward=false"};
  if (live_restore_ == LiveRestore::kOn) words.push_back("--live-restore");
  return words;
}

std::vector<std::string> PrivateDockerd::leftovers() const {
  auto left = containerd_.leftovers();
  for (const auto& mount : mounts_under(directory())) {
    // dockerd's own: its root, and the host's network namespace since the first that asked for it.
    if (mount == storage() || mount == directory() + "/exec/netns/default") continue;
    left.push_back("mount " + mount);
  }
  for (const auto& cgroup : cgroups_in(cgroup_parent()))
    left.push_back("cgroup " + cgroup.string());
  add_folders("container", storage() + "/containers", left);
  add_folders("layer", storage() + "/image/overlay2/layerdb/mounts", left);
  add_folders("volume", storage() + "/volumes", left);
  add_folders("state", directory() + "/exec/runtime-runc/" + containerd_.name_space(), left);
  return left;
}

std::string PrivateDockerd::docker(std::vector<std::string> words) const {
  words.insert(words.begin(), {"docker", "--host", "unix://" + socket()});
  return run(words, {{"DOCKER_CONFIG", directory() + "/client"}});
}

}  // namespace mayfly::support
