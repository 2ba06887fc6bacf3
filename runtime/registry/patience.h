// How long a registry is borne with. Plain values; the defaults are what people live with, tests
// have less time.
#pragma once

#include <chrono>

namespace mayfly::registry {

struct Patience {
  std::chrono::milliseconds connect{10'000};
  std::chrono::milliseconds stall{25'000};  ///< without a byte
  int tries = 5;                            ///< a transfer that gets on begins to count anew
  std::chrono::milliseconds backoff{500};   ///< before the second try; doubles, with jitter
  std::chrono::milliseconds backoff_max{8'000};
  std::chrono::milliseconds retry_after_max{60'000};  ///< of what a registry wishes for
};

}  // namespace mayfly::registry
