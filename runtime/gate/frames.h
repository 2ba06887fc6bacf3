// The agent's half of the gate protocol: reads what peers say, builds what they are told. Pure:
// bytes in, values out. Peers are the users' containers and are not trusted.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>
#include <variant>
#include <vector>

#include "runtime/gate/protocol.h"

namespace mayfly::gate {

/// A gate has connected; with Hold::kExec and kApp it wants to exec.
struct Hello {
  Hold hold = Hold::kGate;
};
/// The app waits for its release.
struct Ready {};
/// The command could not be run.
struct ExecFailed {
  int error_number = 0;
  std::string what;  ///< printable ASCII, at most 512 bytes: "exec /worker"
};
using PeerFrame = std::variant<Hello, Ready, ExecFailed>;

/// `line` is without its newline. Unknown members are ignored, unknown types are errors.
[[nodiscard]] tl::expected<PeerFrame, std::string> parse_peer_frame(std::string_view line);

/// Collects bytes until a line is whole. Never holds more than one frame's worth.
class LineBuffer {
 public:
  /// How many bytes may be added. 0 after next() has given all it has: the line is too long.
  [[nodiscard]] std::size_t room() const { return kPeerFrameBytesMax - bytes_.size(); }
  [[nodiscard]] bool empty() const { return bytes_.empty(); }
  /// REQUIRES: bytes.size() <= room().
  void add(std::string_view bytes) { bytes_.append(bytes); }
  /// The next whole line, without its newline.
  [[nodiscard]] std::optional<std::string> next();

 private:
  std::string bytes_;
};

using Environment = std::vector<std::pair<std::string, std::string>>;

/// Frames for the peer, newline included. Error: the environment is too large or has names that no
/// process can have.
[[nodiscard]] tl::expected<std::string, std::string> start_frame(const Environment& env);
[[nodiscard]] tl::expected<std::string, std::string> release_frame(std::uint32_t slot,
                                                                   const Environment& env);

}  // namespace mayfly::gate
