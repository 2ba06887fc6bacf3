// What a running daemon finds about its host and its runtime, for `mayfly doctor`.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "agent/doctor/check.h"
#include "runtime/driver.h"

namespace mayfly::agent {

/// Both clocks at one moment.
struct ClockPair {
  std::int64_t wall_ms = 0;
  std::int64_t steady_ms = 0;
};
[[nodiscard]] ClockPair clocks_now();

/// `began`: when the daemon did. Answers once the runtime has, or has not.
void diagnose(runtime::Driver& driver, doctor::Subject subject, ClockPair began,
              std::function<void(std::vector<doctor::Check>)> done);

}  // namespace mayfly::agent
