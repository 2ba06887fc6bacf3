// The gate's half of the protocol: reads the agent's frames into fixed storage. Part of the static
// program, so: no exceptions, no heap of its own, no library but json-c.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "runtime/gate/protocol.h"

namespace mayfly::gate {

/// Variables as execve wants them, "NAME=value". What add() was given lives as long as this does.
class Variables {
 public:
  /// False when there is no room, or the name cannot be a variable's.
  [[nodiscard]] bool add(std::string_view name, std::string_view value);
  void clear() { count_ = used_ = 0; }
  /// Touches the storage that a usual release needs, so that it takes no page faults then.
  void prefault();

  [[nodiscard]] std::size_t size() const { return count_; }
  [[nodiscard]] char* operator[](std::size_t i) const { return entries_[i]; }

 private:
  std::array<char*, kEnvironmentMax> entries_;
  std::array<char, kAgentFrameBytesMax> bytes_;
  std::size_t count_ = 0;
  std::size_t used_ = 0;
};

enum class AgentFrame : std::uint8_t {
  kStart,    ///< exec now; what becomes of the command waits for its release
  kRelease,  ///< exec now; with both `variables` are to be added to the environment
  kInvalid,
};

/// `line` is without its newline; `variables` is emptied first. Unknown members are ignored.
[[nodiscard]] AgentFrame parse_agent_frame(std::string_view line, Variables& variables);

}  // namespace mayfly::gate
