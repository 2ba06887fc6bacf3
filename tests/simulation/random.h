// The one source of chance of a simulated world. The same seed gives the same draws on any machine:
// integers only, no library distributions.
#pragma once

#include <cstdint>
#include <initializer_list>

#include "agent/core/time.h"

namespace mayfly::simulation {

class Random {
 public:
  explicit Random(std::uint64_t seed);

  std::uint64_t next();
  /// Uniform in [0, bound). REQUIRES: bound > 0.
  std::uint64_t below(std::uint64_t bound);
  /// True with probability `p`.
  bool chance(double p);
  /// Uniform in [low, high].
  core::Duration between(core::Duration low, core::Duration high);
  /// In [low, high], each doubling of `low` as likely as any other: short ones are common, long
  /// ones happen. REQUIRES: low > 0.
  core::Duration spread(core::Duration low, core::Duration high);

  template <class T>
  T pick(std::initializer_list<T> choices) {
    return *(choices.begin() + below(choices.size()));
  }

 private:
  std::uint64_t state_;
};

}  // namespace mayfly::simulation
