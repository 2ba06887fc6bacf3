// Time as the core sees it: a number that is handed in. Nothing here can read a clock.
#pragma once

#include <chrono>

namespace mayfly::core {

using Duration = std::chrono::nanoseconds;

/// Names CLOCK_MONOTONIC (steady, not adjusted by wall-clock jumps). Has no now() on purpose.
struct Monotonic {
  using duration = Duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<Monotonic, Duration>;
  static constexpr bool is_steady = true;
};

using Time = Monotonic::time_point;

inline constexpr Time kNever = Time::max();

}  // namespace mayfly::core
