// The views of a fleet as people read them. Pure: JSON in, text out; all of it may be foreign.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "agent/cli/output.h"
#include "agent/cli/show.h"

namespace mayfly::cli::fleet {

using Json = nlohmann::ordered_json;

[[nodiscard]] std::string show_fleet_nodes(const Json& view, Detail detail, const Output& out);
[[nodiscard]] std::string show_fleet_pools(const Json& view, Detail detail, const Output& out);
[[nodiscard]] std::string show_fleet_status(const Json& view, const Output& out);
[[nodiscard]] std::string show_fleet_node(const Json& view, const Output& out);
[[nodiscard]] std::string show_fleet_why(const Json& view, const Output& out);
[[nodiscard]] std::string show_fleet_history(const Json& view, const Output& out);
[[nodiscard]] std::string show_contexts(const Json& view, const Output& out);

/// What became of a change, or would.
[[nodiscard]] std::string show_change(const Json& result, const Output& out);
[[nodiscard]] std::string show_difference(const Json& result, const Output& out);

}  // namespace mayfly::cli::fleet
