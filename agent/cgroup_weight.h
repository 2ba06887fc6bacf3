// The cpu share of the cgroup that all workers live in, against the host's other cgroups. A worker
// that has just been released competes for the cpu with what its runtime does about the one that
// ended; at equal shares it waits for it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <tl/expected.hpp>

namespace mayfly::agent {

/// Makes the cgroup `path` ("/mayfly") below `root`, and weighs it as cgroup v2 counts: 1 to
/// 10,000, 100 is what a service has; on v1 in its shares. Error: one line, why it keeps the weight
/// it has.
[[nodiscard]] tl::expected<void, std::string> weigh_cgroup(
    const std::string& path, std::uint32_t weight,
    const std::filesystem::path& root = "/sys/fs/cgroup");

}  // namespace mayfly::agent
