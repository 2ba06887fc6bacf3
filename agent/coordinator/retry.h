// When to try again: later each time, and never all nodes at once. Pure; chance comes as a seed.
#pragma once

#include <algorithm>
#include <cstdint>

#include "agent/core/time.h"

namespace mayfly::coordinator {

using core::Duration;
using core::Time;

/// splitmix64.
class Chance {
 public:
  explicit Chance(std::uint64_t seed) : state_(seed) {}
  /// Anywhere from half of `whole` to all of it.
  [[nodiscard]] Duration some_of(Duration whole) {
    state_ += 0x9e3779b97f4a7c15ULL;
    std::uint64_t bits = state_;
    bits = (bits ^ (bits >> 30U)) * 0xbf58476d1ce4e5b9ULL;
    bits = (bits ^ (bits >> 27U)) * 0x94d049bb133111ebULL;
    bits ^= bits >> 31U;
    const auto half = static_cast<std::uint64_t>(whole.count() / 2);
    return Duration(static_cast<Duration::rep>(half + bits % (half + 1)));
  }

 private:
  std::uint64_t state_;
};

/// 1 s, doubled each time, 30 s at most.
class Retry {
 public:
  void succeeded() { failures_ = 0; }
  [[nodiscard]] Time after_failure(Time now, Chance& chance) {
    const auto delay = std::min<Duration>(kMax, Duration(kFirst) * (1U << failures_));
    failures_ = std::min(failures_ + 1, 8U);
    return now + chance.some_of(delay);
  }

 private:
  static constexpr std::chrono::seconds kFirst{1};
  static constexpr std::chrono::seconds kMax{30};
  std::uint32_t failures_ = 0;
};

/// A question that is out. An answer that never comes is a failure in the end.
class Question {
 public:
  static constexpr std::chrono::seconds kPatience{120};

  void ask(std::uint64_t number, Time now) {
    number_ = number;
    asked_ = now;
  }
  [[nodiscard]] bool is_out() const { return number_ != 0; }
  [[nodiscard]] Time asked() const { return asked_; }
  [[nodiscard]] Time lost_at() const { return is_out() ? asked_ + kPatience : core::kNever; }
  /// True: this is its answer; it is out no longer.
  [[nodiscard]] bool settle(std::uint64_t number) {
    if (number == 0 || number != number_) return false;
    number_ = 0;
    return true;
  }
  void forget() { number_ = 0; }

 private:
  std::uint64_t number_ = 0;
  Time asked_{};
};

}  // namespace mayfly::coordinator
