// What both ends of a gate's socket agree on: the version, the bounds and the names of things
// inside the container. The frames themselves are described in docs/gate.md. No dependency, since
// the static gate includes it too.
#pragma once

#include <cstddef>
#include <cstdint>

namespace mayfly::gate {

enum class Hold : std::uint8_t {
  kGate,  ///< mayfly-gate itself waits, then execs the command
  kExec,  ///< the gate execs at once; the command is stopped before its first instruction
  kApp,   ///< the gate execs at once; the app connects to $MAYFLY_GATE, says ready and waits
};

inline constexpr int kProtocolVersion = 1;

/// Bytes of one frame, its newline included.
inline constexpr std::size_t kPeerFrameBytesMax = 4 * 1024;
inline constexpr std::size_t kAgentFrameBytesMax = 64 * 1024;
/// Variables in one release.
inline constexpr std::size_t kEnvironmentMax = 1024;

/// Where the container sees the mount, and what its entrypoint and environment must be.
inline constexpr const char* kMountTarget = "/.mayfly";
inline constexpr const char* kGateTarget = "/.mayfly/gate";
inline constexpr const char* kSocketInside = "/.mayfly/gate.sock";
inline constexpr const char* kSocketVariable = "MAYFLY_GATE";

}  // namespace mayfly::gate
