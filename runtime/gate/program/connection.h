// The gate's end of its socket: patient. The agent may be away for as long as it likes.
#pragma once

#include <sys/socket.h>

#include <array>
#include <string_view>

#include "runtime/gate/program/agent_frame.h"

namespace mayfly::gate {

class Connection {
 public:
  /// `path` outlives this and fits a socket address.
  explicit Connection(const char* path) : path_(path) {}

  /// Touches the storage that a usual frame needs.
  void prefault();

  struct Awaited {
    bool start;
    bool release;
    [[nodiscard]] bool contains(AgentFrame frame) const {
      return (start && frame == AgentFrame::kStart) || (release && frame == AgentFrame::kRelease);
    }
  };
  /// Connects, says `greeting` and waits for an awaited frame, again and again until it comes.
  void wait(std::string_view greeting, Awaited awaited, Variables& variables);

  /// What came with the frame: stdin, stdout, stderr take its place. Nothing came: nothing changes.
  void take_stdio();

  /// One frame; a failure to send it has no one to be told.
  void say(std::string_view frame) const;

 private:
  static constexpr int kStdio = 3;

  [[nodiscard]] bool connect();
  [[nodiscard]] bool receive();
  void keep_descriptors(const msghdr& message);
  void disconnect();

  const char* path_;
  int socket_ = -1;
  std::array<int, kStdio> received_{-1, -1, -1};
  std::size_t length_ = 0;
  std::array<char, kAgentFrameBytesMax> bytes_;
};

}  // namespace mayfly::gate
