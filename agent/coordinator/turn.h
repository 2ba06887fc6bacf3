// What a step of a session's part works with. Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "agent/coordinator/events.h"
#include "agent/coordinator/retry.h"

namespace mayfly::coordinator {

struct Turn {
  Time now;
  std::vector<Action>& actions;
  std::uint64_t& last_number;
  Chance& chance;

  [[nodiscard]] std::uint64_t next_number() { return ++last_number; }
};

}  // namespace mayfly::coordinator
