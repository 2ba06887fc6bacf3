#include "config/faults.h"

#include <algorithm>

namespace mayfly::config {

std::string in_one_line(const Faults& faults) {
  constexpr std::size_t kSaid = 3;
  const std::size_t said = std::min(faults.size(), kSaid);
  std::string line;
  for (std::size_t i = 0; i < said; ++i) line += (i == 0 ? "" : "; ") + faults[i].what;
  const std::size_t more = faults.size() - said;
  return more == 0 ? line : line + "; and " + std::to_string(more) + " more";
}

}  // namespace mayfly::config
