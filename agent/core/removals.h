// What is left of ended and dismissed workers goes away, a few at a time, however long it takes.
#pragma once

#include "agent/core/turn.h"

namespace mayfly::core {

void remove_workers(Turn& turn);

void removed(Turn& turn, Worker& worker);
void remove_failed(Turn& turn, Worker& worker, const std::string& why);

/// Pools that were dropped end with their last worker.
void end_pools(Turn& turn);

}  // namespace mayfly::core
