// The default seccomp profile: what the default profiles of Docker and containerd allow, as a table
// of our own. Everything else fails with EPERM. Pure.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace mayfly::oci {

enum class Architecture : std::uint8_t { kX86_64, kArm64 };

/// The value of linux.seccomp for a container that holds these capabilities ("CAP_SYS_ADMIN"): some
/// calls are allowed only beside the capability that makes them work.
[[nodiscard]] nlohmann::json seccomp_profile(Architecture architecture,
                                             const std::vector<std::string>& capabilities);

}  // namespace mayfly::oci
