#include "runtime/containerd/images/spelling.h"

#include "runtime/oci/image.h"

namespace mayfly::containerd {

std::vector<std::string> spellings(const std::string& name) {
  if (oci::is_digest(name)) return {name};
  auto full = name;
  const auto first = full.substr(0, full.find('/'));
  const bool has_host = first.size() < full.size() &&
                        (first.find_first_of(".:") != std::string::npos || first == "localhost");
  if (!has_host) {
    full.insert(0, first.size() == full.size() ? "docker.io/library/" : "docker.io/");
  }
  const auto last = full.substr(full.rfind('/') + 1);
  if (last.find_first_of(":@") == std::string::npos) full += ":latest";
  if (full == name) return {name};
  return {name, full};
}

}  // namespace mayfly::containerd
