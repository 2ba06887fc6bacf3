// Making containers: how many each pool lacks, and whose turn it is under the node's limits.
#pragma once

#include "agent/core/turn.h"

namespace mayfly::core {

/// A vacant slot is supplied for so long before it may be filled.
[[nodiscard]] bool needs_supply(const Pool& pool, const Slot& slot, Time now);

/// When the node's limits let the next container start: `now` or later; kNever: when one ends.
[[nodiscard]] Time next_start(const Model& model, const Memory& memory, Time now);

/// Starts containers in the order of their purpose, pools in turn.
void start_workers(Turn& turn);

}  // namespace mayfly::core
