// The answers of the reading verbs as JSON: what `-o json` prints, and what the tables are made of.
// Pure.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "agent/cli/fleet/progress.h"

namespace mayfly::cli::fleet {

using Json = nlohmann::ordered_json;

[[nodiscard]] Json nodes_view(const std::string& cluster, const Roster& roster);
[[nodiscard]] Json node_view(const Node& node);

/// Tombstones that all nodes have taken are left out.
[[nodiscard]] Json pools_view(const std::string& cluster, const std::vector<PoolKey>& pools,
                              const Roster& roster);

[[nodiscard]] Json status_view(const std::string& cluster, const std::vector<PoolKey>& pools,
                               const Roster& roster);

[[nodiscard]] Json why_view(const PoolKey& pool, const Roster& roster);

/// The newest first.
[[nodiscard]] Json history_view(const std::string& pool, const std::vector<PoolKey>& revisions);

/// The document as it is in etcd; without its stamp, one that can be applied again.
enum class Stamps : std::uint8_t { kKept, kLeftOut };
[[nodiscard]] Json document_view(const PoolKey& pool, Stamps stamps);

/// "replicas": 3, or {"total": 12}
[[nodiscard]] Json replicas_view(const config::FleetPool& document);

}  // namespace mayfly::cli::fleet
