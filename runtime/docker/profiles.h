// Mayfly's default seccomp profile as the daemons take one: Docker its text, Podman the path of a
// file on this host, which is one in memory here. A path is good for as long as this lives.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "runtime/descriptor.h"

namespace mayfly::docker {

class Profiles {
 public:
  enum class As : std::uint8_t { kText, kPath };

  /// For a container that holds these capabilities. "" where there is no memory for it.
  [[nodiscard]] std::string profile(const std::vector<std::string>& capabilities, As as);

 private:
  static constexpr std::size_t kProfilesMax = 64;
  struct Profile {
    std::string text;
    runtime::Descriptor file;  ///< once a path was asked for
  };
  std::map<std::vector<std::string>, Profile> profiles_;
};

}  // namespace mayfly::docker
