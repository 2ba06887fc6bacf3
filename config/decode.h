// From trees to documents: the one place that knows the keys, for TOML and JSON alike. Internal to
// config/, but for the list of keys.
#pragma once

#include <set>
#include <string>

#include "config/coordinator.h"
#include "config/fleet_pool.h"
#include "config/node_order.h"
#include "config/report.h"
#include "config/tree.h"

namespace mayfly::config {

/// Reads what is given over what `pool` holds. REQUIRES: the root is a table.
void decode_pool(const Tree& root, Pool& pool, Report& report);
void decode_fleet_pool(const Tree& root, FleetPool& fleet_pool, Report& report);
void decode_drain(const Tree& root, NodeOrder& order, Report& report);
void decode_node_order(const Tree& root, NodeOrder& order, Report& report);
void decode_daemon(const Tree& root, Daemon& daemon, Report& report);

class Section;
/// What a node and the command alike need to reach an etcd.
void decode_coordinator(Section& in, Coordinator& out);

/// All keys that exist, dotted: "resources.cpu", "mounts[].source", "registries.*.ca_file". For the
/// tests of the documents.
[[nodiscard]] std::set<std::string> pool_keys();
[[nodiscard]] std::set<std::string> daemon_keys();

}  // namespace mayfly::config
