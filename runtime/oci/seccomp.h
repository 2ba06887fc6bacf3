// The default seccomp profile: what the default profiles of Docker and containerd allow, as a table
// of our own. Everything else fails with EPERM. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <utility>
#include <vector>

namespace mayfly::oci {

enum class Architecture : std::uint8_t { kX86_64, kArm64 };

/// The value of linux.seccomp for a container that holds these capabilities ("CAP_SYS_ADMIN"): some
/// calls are allowed only beside the capability that makes them work.
[[nodiscard]] nlohmann::json seccomp_profile(Architecture architecture,
                                             const std::vector<std::string>& capabilities);

/// The same as JSON text, written once for each set of capabilities: it is most of a container's
/// specification, and the same in nearly all of them.
class SeccompProfiles {
 public:
  static constexpr std::size_t kKeptMax = 64;

  /// Good until the next call.
  [[nodiscard]] const std::string& text(Architecture architecture,
                                        const std::vector<std::string>& capabilities);
  [[nodiscard]] std::size_t kept() const { return texts_.size(); }

 private:
  std::map<std::pair<Architecture, std::vector<std::string>>, std::string> texts_;
};

}  // namespace mayfly::oci
