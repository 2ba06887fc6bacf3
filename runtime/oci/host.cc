#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>

#include "runtime/oci/spec.h"

namespace mayfly::oci {

Host this_host(std::string cgroup_parent) {
  Host host;
  host.architecture = host_architecture() == "arm64" ? Architecture::kArm64 : Architecture::kX86_64;
  struct statfs cgroup {};
  host.cgroup_v2 = statfs("/sys/fs/cgroup", &cgroup) == 0 && cgroup.f_type == CGROUP2_SUPER_MAGIC;
  host.cgroup_parent = std::move(cgroup_parent);
  for (const auto* file : {"/etc/resolv.conf", "/etc/hosts"}) {
    if (access(file, R_OK) == 0) host.network_files.emplace_back(file);
  }
  return host;
}

}  // namespace mayfly::oci
