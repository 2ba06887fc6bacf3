// From the desired revision to the active one: its image is prepared, its spares are staged, then
// every exit is replaced by it.
#pragma once

#include "agent/core/turn.h"

namespace mayfly::core {

/// Slots can be filled with new containers of the active revision.
[[nodiscard]] bool can_start_active(const Pool& pool);

/// Makes a staged revision active as soon as it can carry the pool.
void follow_revisions(Turn& turn);

/// Asks for images that are not there yet.
void prepare_revisions(Turn& turn);

void prepared(Turn& turn, Pool& pool, Revision revision);
void prepare_failed(Turn& turn, Pool& pool, const RevisionFailed& event);

}  // namespace mayfly::core
