// Pools from files, as `-f` names them.
#pragma once

#include <string>
#include <vector>

#include "agent/cli/outcome.h"
#include "config/document.h"
#include "config/fleet_pool.h"

namespace mayfly::cli {

/// Each a TOML or JSON file, a directory of such files (in the order of their names), or "-" for
/// standard input. All faults of all files at once, a line each.
[[nodiscard]] Result<std::vector<config::Pool>> read_pools(const std::vector<std::string>& files);
/// The same, of pools of a fleet.
[[nodiscard]] Result<std::vector<config::FleetPool>> read_fleet_pools(
    const std::vector<std::string>& files);

}  // namespace mayfly::cli
