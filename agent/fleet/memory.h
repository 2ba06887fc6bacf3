// What a node remembers of its fleet, in the rows of the store: the documents, from which etcd they
// are, and which slots it held. No I/O.
#pragma once

#include <string>
#include <vector>

#include "agent/coordinator/claims.h"
#include "agent/desired.h"
#include "agent/store/store.h"
#include "config/document.h"

namespace mayfly::fleet {

using Documents = std::vector<store::FleetDocument>;

/// Of this etcd's and this epoch's, what a session goes on from. What another cluster's keys said,
/// or an earlier epoch's, has no place in this one's order.
[[nodiscard]] coordinator::Baseline baseline_of(const Documents& rows, const std::string& cluster);
/// The slots that the node held last, of that cluster.
[[nodiscard]] coordinator::Slots slots_of(const Documents& rows, const std::string& cluster);
/// The row without a pool, of which the two above are made.
[[nodiscard]] store::FleetDocument baseline_row(const coordinator::Baseline& baseline,
                                                const std::string& cluster,
                                                const coordinator::Slots& slots);

/// The pools that were last known to be for this node.
[[nodiscard]] std::vector<agent::Desired::FromFleet> known_pools(const config::Daemon& config,
                                                                 const Documents& rows);
/// Those of them that are spread over the fleet.
[[nodiscard]] std::map<std::string, coordinator::SharedPool> known_shared(
    const Documents& rows, const std::map<std::string, std::string>& labels);

[[nodiscard]] coordinator::Keys keys_of(const config::Coordinator& config);

}  // namespace mayfly::fleet
