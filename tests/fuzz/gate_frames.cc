// Frames from peers that the agent does not trust, in the pieces in which a socket may deliver
// them.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "runtime/gate/frames.h"
#include "runtime/gate/program/agent_frame.h"

namespace {

void check(bool holds) {
  if (!holds) std::abort();
}

/// False ends the connection.
bool take_frame(const std::string& line) {
  const auto frame = mayfly::gate::parse_peer_frame(line);
  if (!frame) {
    check(!frame.error().empty());
    return false;
  }
  if (const auto* failed = std::get_if<mayfly::gate::ExecFailed>(&*frame)) {
    check(failed->error_number > 0 && failed->error_number < 4096);
    for (const char c : failed->what) check(c >= ' ' && c <= '~');
  }
  return true;
}

void read_as_agent(std::string_view bytes, std::size_t piece) {
  mayfly::gate::LineBuffer buffer;
  while (!bytes.empty() && buffer.room() > 0) {
    const auto taken = std::min({piece, buffer.room(), bytes.size()});
    buffer.add(bytes.substr(0, taken));
    bytes.remove_prefix(taken);
    while (const auto line = buffer.next()) {
      check(line->size() < mayfly::gate::kPeerFrameBytesMax);
      if (!take_frame(*line)) return;
    }
  }
}

void read_as_gate(std::string_view line) {
  static mayfly::gate::Variables variables;
  const auto frame = mayfly::gate::parse_agent_frame(line, variables);
  if (frame != mayfly::gate::AgentFrame::kRelease) return;
  for (std::size_t i = 0; i < variables.size(); ++i) {
    const std::string_view entry(variables[i]);
    check(entry.find('=') != entry.npos && entry.front() != '=');
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t piece = std::size_t{data[0]} + 1;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  read_as_agent(bytes, piece);
  read_as_gate(bytes.substr(0, bytes.find('\n')));
  return 0;
}
