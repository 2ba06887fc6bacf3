// Asserts that stay on in release: a bug aborts, the daemon restarts and adopts. Never for events:
// the world may say anything in any order.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace mayfly::core {

inline void check(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "mayfly core: broken invariant: %s\n", what);
  std::abort();
}

}  // namespace mayfly::core
