// A pool as a coordinator holds it, for all nodes of a cluster: the same JSON as on the API, and
// for which nodes it is.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "config/load.h"

namespace mayfly::config {

struct FleetPool {
  Pool pool;                                    ///< of one that is deleted, nothing
  std::map<std::string, std::string> selector;  ///< labels that a node must have; none: any node
  bool deleted = false;                         ///< a tombstone: the pool is to end
  bool operator==(const FleetPool&) const = default;
};

/// From the pool's JSON with `selector`, or `deleted` alone. Faults carry a JSON pointer in `what`.
[[nodiscard]] tl::expected<FleetPool, Faults> parse_fleet_pool_json(std::string_view text);

}  // namespace mayfly::config
