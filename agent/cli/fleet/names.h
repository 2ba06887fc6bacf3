// Names of a fleet's things, for completion. Never fails: what cannot be had in time is not there.
#pragma once

#include <string>
#include <vector>

#include "agent/cli/fleet/choice.h"

namespace mayfly::cli::fleet {

[[nodiscard]] std::vector<std::string> cluster_names(const Choice& choice);
[[nodiscard]] std::vector<std::string> pool_names(const Choice& choice);
[[nodiscard]] std::vector<std::string> node_names(const Choice& choice);

}  // namespace mayfly::cli::fleet
