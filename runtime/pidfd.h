// What a pidfd tells of its process, and what is sent through it.
#pragma once

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace mayfly::runtime {

/// Also before its parent has reaped it. `pidfd` is borrowed.
[[nodiscard]] inline bool has_ended(int pidfd) {
  pollfd entry{pidfd, POLLIN, 0};
  return ::poll(&entry, 1, 0) > 0;
}

/// False, and errno: it has been reaped, or may not be signalled. `pidfd` is borrowed.
inline bool send_signal(int pidfd, int number) {
  return ::syscall(SYS_pidfd_send_signal, pidfd, number, nullptr, 0) == 0;
}

}  // namespace mayfly::runtime
