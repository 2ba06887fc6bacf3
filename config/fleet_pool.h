// A pool as a coordinator holds it, for all nodes of a cluster: the same JSON as on the API, for
// which nodes it is, and who wrote it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "config/diff.h"
#include "config/load.h"

namespace mayfly::config {

/// What the command writes of itself; it changes nothing of what runs.
struct Stamp {
  std::uint32_t revision = 0;  ///< one more than the last; 0: not written by the command
  std::string changed_by;
  std::string changed_at;
  std::string change;  ///< the writer's own token
  bool operator==(const Stamp&) const = default;
};

/// Of all nodes together: the most workers of one pool.
inline constexpr std::uint32_t kTotalMax = 5000;

struct FleetPool {
  Pool pool;                                    ///< of one that is deleted, nothing
  std::optional<std::uint32_t> total;           ///< workers of all nodes; `pool.replicas` is 0 then
  std::map<std::string, std::string> selector;  ///< labels that a node must have; none: any node
  std::optional<bool> paused;                   ///< none: it was not said
  bool deleted = false;                         ///< a tombstone: the pool is to end
  Stamp stamp;
  bool operator==(const FleetPool&) const = default;
};

/// From the pool's JSON with `selector` and so on, or `deleted` alone. Faults carry a JSON pointer
/// in `what`.
[[nodiscard]] tl::expected<FleetPool, Faults> parse_fleet_pool_json(std::string_view text);
[[nodiscard]] tl::expected<FleetPool, Faults> parse_fleet_pool_toml(std::string_view text,
                                                                    const std::string& file);

/// The document. Of the pool, only what differs from the defaults: a node of another version must
/// not meet keys that nobody meant. parse_fleet_pool_json reads it back to an equal one.
[[nodiscard]] std::string to_json(const FleetPool& fleet_pool);

/// Stamps do not count. A pool that is deleted is as nothing.
[[nodiscard]] Diff diff(const FleetPool& from, const FleetPool& to);

}  // namespace mayfly::config
