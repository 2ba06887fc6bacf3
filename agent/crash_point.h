// Named places at which the tests kill the daemon, to prove that no step of it loses or doubles a
// worker. Nothing of this is in a normal build.
#pragma once

#ifdef MAYFLY_CRASH_POINTS
#include <csignal>
#include <cstdlib>
#include <cstring>
#endif

namespace mayfly::agent {

/// With MAYFLY_CRASH_POINTS: dies by SIGKILL at the (MAYFLY_CRASH_SKIP + 1)-th pass of the point
/// that the environment names in MAYFLY_CRASH_AT.
inline void crash_point([[maybe_unused]] const char* name) {
#ifdef MAYFLY_CRASH_POINTS
  static const char* wanted = std::getenv("MAYFLY_CRASH_AT");
  static const char* skip = std::getenv("MAYFLY_CRASH_SKIP");
  static long left = skip != nullptr ? std::strtol(skip, nullptr, 10) : 0;
  if (wanted == nullptr || std::strcmp(wanted, name) != 0) return;
  if (left-- <= 0) std::raise(SIGKILL);
#endif
}

}  // namespace mayfly::agent
