// Containers that the core does not know: those of an earlier run of the agent in the first
// inventory, strays of late or half undone operations in later ones.
#pragma once

#include <vector>

#include "agent/core/turn.h"

namespace mayfly::core {

/// REQUIRES: in the order of their ids, none of them known. The first call ends the adoption.
void adopt(Turn& turn, const std::vector<const ObservedWorker*>& strangers);

/// A worker that was found running turns out to wait at its gate: it was never let go.
void was_never_released(Turn& turn, Worker& worker);

}  // namespace mayfly::core
