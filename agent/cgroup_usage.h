// What a container has used, read from its cgroup just before it goes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace mayfly::agent {

struct CgroupUsage {
  std::optional<std::int64_t> cpu_us;
  std::optional<std::int64_t> memory_peak_bytes;
  bool oom = false;  ///< the kernel killed something in it for want of memory
};

/// `path`: below the cgroup root, e.g. "/mayfly/NAME". cgroup v2, v1 and hybrid; what cannot be
/// read is left out.
[[nodiscard]] CgroupUsage read_cgroup_usage(const std::string& path);

}  // namespace mayfly::agent
