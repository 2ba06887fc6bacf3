// Ending what runs on a node that starts nothing more, whatever the cause: first it has time to
// finish by itself, then it is stopped.
#pragma once

#include "agent/core/turn.h"

namespace mayfly::core {

/// Stops the running workers whose time to finish by themselves is over.
void drain(Turn& turn);

}  // namespace mayfly::core
