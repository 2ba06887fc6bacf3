// Who runs the command, for the stamp of what it writes. It is what the user's own machine says:
// good for finding out whom to ask, no proof of anything.
#pragma once

#include "agent/cli/fleet/desk.h"

namespace mayfly::cli::fleet {

[[nodiscard]] Desk::Author this_author();

}  // namespace mayfly::cli::fleet
