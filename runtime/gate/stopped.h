// A process that is stopped behind its exec, before its first instruction. It stays so whatever
// becomes of this object and of this process; whoever comes later can find it again.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <tl/expected.hpp>

#include "runtime/descriptor.h"
#include "runtime/gate/frames.h"

namespace mayfly::gate {

class Stopped {
 public:
  /// Of one that Tracer has stopped. `reserved`: what its exec has put into its environment, each
  /// value as long as what let_run() may write. Error: not all of that is there, or it has ended.
  [[nodiscard]] static tl::expected<Stopped, std::string> find(pid_t pid, runtime::Descriptor pidfd,
                                                               const Environment& reserved);
  [[nodiscard]] static bool is_stopped(pid_t pid);
  /// `reserved` is in its environment as the exec has left it.
  [[nodiscard]] static bool is_untouched(pid_t pid, const Environment& reserved);

  /// Error: one of the values has no room.
  [[nodiscard]] tl::expected<void, std::string> has_room_for(const Environment& env) const;
  /// Writes the values into its environment, and its first instruction runs. What was done before
  /// is done again. REQUIRES: has_room_for(). Error: it has ended.
  [[nodiscard]] tl::expected<void, std::string> let_run(const Environment& env) const;
  void kill() const;

 private:
  struct Room {
    std::uintptr_t address = 0;
    std::size_t bytes = 0;
  };

  Stopped(runtime::Descriptor pidfd, runtime::Descriptor memory)
      : pidfd_(std::move(pidfd)), memory_(std::move(memory)) {}
  [[nodiscard]] tl::expected<void, std::string> write(const Room& room, std::string value) const;

  runtime::Descriptor pidfd_;
  runtime::Descriptor memory_;  ///< its own, whoever has its number later
  std::map<std::string, Room> rooms_;
};

}  // namespace mayfly::gate
