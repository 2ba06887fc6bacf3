// What the node takes on: cordoned, it adds nothing to what is there; drained, it starts nothing
// and ends when its last worker does.
#pragma once

#include <map>

#include "agent/core/turn.h"

namespace mayfly::core {

void node_desired(Turn& turn, const NodeDesired& event);

/// Nothing is started or released on the node: the host goes down, or the node is drained.
[[nodiscard]] bool is_closed(const Model& model);

/// For dismissals and exit records. REQUIRES: is_closed.
[[nodiscard]] const char* why_closed(const Model& model);

/// How many workers the pool may have on this node.
[[nodiscard]] std::uint32_t slots_allowed(const Model& model, const Pool& pool);

/// It has no more workers in its slots than a cordon of the node keeps.
[[nodiscard]] bool is_within_cordon(const Model& model, const Pool& pool);

/// On a cordoned node, holds back the vacant slots that a pool has beyond those that it keeps.
void withhold_slots(Turn& turn);

/// A drain is over when no worker is left, and goes on if one turns up.
void follow_drain(Turn& turn);

/// The slots of each pool that a cordon of now keeps.
[[nodiscard]] std::map<PoolName, std::uint32_t> slots_to_keep(const Model& model);

}  // namespace mayfly::core
