// The periodic truth: when the runtime is asked for all of its containers, and what the answer says
// of the workers that are known.
#pragma once

#include "agent/core/turn.h"

namespace mayfly::core {

/// Asks for the next inventory when it is due.
void ask_inventory(Turn& turn);

void inventory_taken(Turn& turn, const InventoryTaken& event);
void inventory_failed(Turn& turn, InventoryNumber number);

void runtime_lost(Turn& turn, const std::string& why);
void runtime_found(Turn& turn);

}  // namespace mayfly::core
