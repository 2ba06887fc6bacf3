// Mayfly's default seccomp profile as files in memory, for a daemon on this host that takes one by
// its path. A path is good for as long as this lives.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "runtime/descriptor.h"

namespace mayfly::docker {

class Profiles {
 public:
  /// For a container that holds these capabilities. "" where there is no memory for it.
  [[nodiscard]] std::string path(const std::vector<std::string>& capabilities);

 private:
  static constexpr std::size_t kProfilesMax = 64;
  std::map<std::vector<std::string>, runtime::Descriptor> profiles_;
};

}  // namespace mayfly::docker
