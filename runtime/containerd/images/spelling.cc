#include "runtime/containerd/images/spelling.h"

#include "runtime/registry/reference.h"

namespace mayfly::containerd {

std::vector<std::string> spellings(const std::string& name) {
  const auto reference = registry::parse_reference(name);
  if (!reference || reference->text() == name) return {name};
  return {name, reference->text()};
}

}  // namespace mayfly::containerd
