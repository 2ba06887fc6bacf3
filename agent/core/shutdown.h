// The host goes down: nothing is started any more, what runs is given time to finish, then it is
// stopped, all of it within the time that the host waits for us.
#pragma once

#include "agent/core/turn.h"

namespace mayfly::core {

/// Said again while it goes on, only the time that is left counts.
void shutdown_began(Turn& turn, const HostShutdownBegan& event);
void shutdown_cancelled(Turn& turn);

/// The last moment to KILL: what is left of the time is for the ends to be seen and recorded.
/// kNever: the host stays up.
[[nodiscard]] Time kill_by(const Model& model);

/// Stops the running workers whose time to finish by themselves is over.
void drain(Turn& turn);

/// Lets the host go, once, when nothing of ours lives or the host waits no longer.
void let_host_go(Turn& turn);

}  // namespace mayfly::core
