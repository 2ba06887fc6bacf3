// How the slots of a pool are spread over the nodes, as each node works it out by itself. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "agent/core/node_words.h"

namespace mayfly::coordinator {

/// What the others need to know of a node.
struct Member {
  std::string instance = {};
  std::map<std::string, std::string> labels = {};
  std::string scheduling = {};
  bool operator==(const Member&) const = default;
};

using core::node_words::kCordoned;
using core::node_words::kOpen;

/// As many workers as a node runs of one pool.
inline constexpr std::uint32_t kShareMax = 1000;

/// Has a node of these labels all that the selector names?
[[nodiscard]] bool selects(const std::map<std::string, std::string>& selector,
                           const std::map<std::string, std::string>& labels);

/// By chance, and each time the same. Every version of Mayfly must work out the same.
[[nodiscard]] std::uint64_t rank_of(const std::string& thing, const std::string& node);

/// Of `slots` over `nodes` (each once), the part of `node`: the same for each within 1. Who takes
/// one more is by rank_of(). REQUIRES: `node` is one of them.
[[nodiscard]] std::uint32_t share_of(const std::string& node, const std::vector<std::string>& nodes,
                                     const std::string& pool, std::uint32_t slots);

}  // namespace mayfly::coordinator
