// How many workers of each kind a pool has; counted from the model in one pass, kept nowhere.
#pragma once

#include <cstdint>
#include <map>

#include "agent/core/model.h"

namespace mayfly::control {

struct Tally {
  std::uint32_t running = 0;   ///< released and not asked to stop
  std::uint32_t stopping = 0;  ///< signalled, still in its slot
  std::uint32_t empty = 0;     ///< slots without a worker
  std::uint32_t spares_ready = 0;
  std::uint32_t spares_starting = 0;  ///< being created, or started and not yet at the gate
  std::uint32_t outdated = 0;         ///< running workers of a revision that is no longer wanted

  Tally& operator+=(const Tally& other);
};

using Tallies = std::map<core::PoolName, Tally>;

/// One for each pool of the model.
[[nodiscard]] Tallies tally_pools(const core::Model& model);

/// It stands by for a slot: created, being created or held, never released.
[[nodiscard]] bool is_spare(const core::Worker& worker);

}  // namespace mayfly::control
