// What people want of a node itself, as they write it: the body of a drain, and the order that a
// coordinator holds for a node.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "config/load.h"

namespace mayfly::config {

struct NodeOrder {
  enum class Scheduling : std::uint8_t { kOpen, kCordoned, kDrained };
  Scheduling scheduling = Scheduling::kOpen;
  /// Of a drain: what still runs then is stopped; 0: at once; none: it is waited for.
  std::optional<std::chrono::seconds> deadline;
  std::string id;  ///< one that a coordinator holds is followed once; "": it was given here
  bool operator==(const NodeOrder&) const = default;
};

/// From `{"deadline_s": N}`, `{"force": true}` or `{}`: a drain.
[[nodiscard]] tl::expected<NodeOrder, Faults> parse_drain_json(std::string_view text);

/// From `{"scheduling": "open"|"cordoned"|"drained", "id": …}`, of a drain with the members above.
[[nodiscard]] tl::expected<NodeOrder, Faults> parse_node_order_json(std::string_view text);

}  // namespace mayfly::config
