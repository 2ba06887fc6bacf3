#include "agent/coordinator/share.h"

#include <algorithm>
#include <utility>

namespace mayfly::coordinator {

/// FNV-1a with a last stir, so that names that differ at the end alone differ in all bits.
std::uint64_t rank_of(const std::string& thing, const std::string& node) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : thing + "/" + node) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  }
  hash = (hash ^ (hash >> 33U)) * 0xff51afd7ed558ccdULL;
  return hash ^ (hash >> 33U);
}

bool selects(const std::map<std::string, std::string>& selector,
             const std::map<std::string, std::string>& labels) {
  return std::all_of(selector.begin(), selector.end(), [&labels](const auto& wanted) {
    const auto found = labels.find(wanted.first);
    return found != labels.end() && found->second == wanted.second;
  });
}

std::uint32_t share_of(const std::string& node, const std::vector<std::string>& nodes,
                       const std::string& pool, std::uint32_t slots) {
  const auto count = static_cast<std::uint32_t>(nodes.size());
  const std::pair own{rank_of(pool, node), node};
  const auto before = std::count_if(nodes.begin(), nodes.end(), [&](const std::string& each) {
    return std::pair{rank_of(pool, each), each} < own;
  });
  const std::uint32_t more = before < static_cast<std::ptrdiff_t>(slots % count) ? 1 : 0;
  return std::min(slots / count + more, kShareMax);
}

}  // namespace mayfly::coordinator
