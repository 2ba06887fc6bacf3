// One moment, named on both clocks, so that views can print the core's times as dates.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "agent/core/time.h"

namespace mayfly::control {

struct Moment {
  core::Time now{};
  std::int64_t unix_ms = 0;

  /// kNever has no date.
  [[nodiscard]] std::optional<std::int64_t> unix_ms_of(core::Time time) const;
};

/// By the wall clock.
[[nodiscard]] std::int64_t unix_ms_now();

/// "2026-11-23T17:18:03.042Z"
[[nodiscard]] std::string rfc3339(std::int64_t unix_ms);

[[nodiscard]] std::int64_t to_ms(core::Duration duration);
[[nodiscard]] std::int64_t to_us(core::Duration duration);

}  // namespace mayfly::control
