// Ending workers: TERM, their grace, KILL, and KILL again.
#pragma once

#include <string>

#include "agent/core/turn.h"

namespace mayfly::core {

/// The worker shall end: dismissed if it never ran, else TERM, grace, KILL. Its exit is ours. Asked
/// again, or of one that ends already, changes nothing.
void request_stop(Turn& turn, Worker& worker, const std::string& why);

/// The same without (further) grace.
void request_kill(Turn& turn, Worker& worker, const std::string& why);

/// It did not take its release: KILL, and its exit is its own failure. REQUIRES: kReleasing.
void kill_broken(Turn& turn, Worker& worker, const std::string& fault);

/// Sends the signals that are due.
void send_signals(Turn& turn);

}  // namespace mayfly::core
