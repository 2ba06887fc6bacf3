// What a pidfd tells of its process.
#pragma once

#include <poll.h>

namespace mayfly::runtime {

/// Also before its parent has reaped it. `pidfd` is borrowed.
[[nodiscard]] inline bool has_ended(int pidfd) {
  pollfd entry{pidfd, POLLIN, 0};
  return ::poll(&entry, 1, 0) > 0;
}

}  // namespace mayfly::runtime
