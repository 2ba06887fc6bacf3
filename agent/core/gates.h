// What the gates say: ready, lost, taken over, failed.
#pragma once

#include "agent/core/turn.h"

namespace mayfly::core {

void gate_ready(Turn& turn, Worker& worker);
void gate_lost(Turn& turn, Worker& worker, const std::string& why);
void worker_running(Turn& turn, Worker& worker, Time at);
void release_failed(Turn& turn, Worker& worker, const std::string& why);

}  // namespace mayfly::core
