// How long the runtime takes to start a container, now and usually. When it takes twice as long, it
// is at its limit, and half as many starts as the node allows are let through at a time.
#pragma once

#include <cstdint>

#include "agent/core/turn.h"

namespace mayfly::core {

/// A start was answered after so long.
void count_start(Turn& turn, Duration took);

/// How many may be in flight: at least one, wherever the limits allow any.
[[nodiscard]] std::uint32_t starts_allowed(const Limits& limits, const StartPace& pace);

}  // namespace mayfly::core
