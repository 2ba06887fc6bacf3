// The clocks, read in one place.
#pragma once

#include <chrono>
#include <cstdint>

#include "agent/core/time.h"

namespace mayfly::agent {

/// CLOCK_MONOTONIC.
inline core::Time monotonic_now() {
  return core::Time(std::chrono::steady_clock::now().time_since_epoch());
}

inline std::int64_t unix_ms_now() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

}  // namespace mayfly::agent
