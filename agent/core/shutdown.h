// The host goes down: a drain of the node within the time that the host waits for us.
#pragma once

#include "agent/core/turn.h"

namespace mayfly::core {

/// Said again while it goes on, only the time that is left counts.
void shutdown_began(Turn& turn, const HostShutdownBegan& event);
void shutdown_cancelled(Turn& turn);

/// The last moment to KILL: what is left of the time is for the ends to be seen and recorded.
/// kNever: the host stays up.
[[nodiscard]] Time kill_by(const Model& model);

/// When the pool's workers get TERM: their grace fits in before `kill_by`.
[[nodiscard]] Time host_term_at(const Model& model, const Pool& pool);

/// Lets the host go, once, when nothing of ours lives or the host waits no longer.
void let_host_go(Turn& turn);

}  // namespace mayfly::core
