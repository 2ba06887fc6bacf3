// What the gate's tests share: a Gates on a loop of its own in a folder of its own, real gate
// processes, and peers that say what they like.
#pragma once

#include <gtest/gtest.h>
#include <sys/types.h>

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/descriptor.h"
#include "runtime/gate/gates.h"

namespace mayfly::gate {

/// Descriptors open in this process.
[[nodiscard]] std::size_t open_descriptors();

/// A child process; killed and reaped at the end of the scope.
class Process {
 public:
  explicit Process(std::vector<std::string> argv);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  void signal(int number) const;
  /// Exit code, or 1000 + the signal that ended it. Waits.
  int wait();

 private:
  pid_t pid_ = -1;
};

/// A connection to a gate's socket.
class Peer {
 public:
  explicit Peer(const std::string& socket_path);
  [[nodiscard]] bool connected() const { return static_cast<bool>(socket_); }
  void say(std::string_view bytes) const;
  /// Bytes and a descriptor beside them.
  void say_with(std::string_view bytes, int descriptor) const;
  /// True when the other end has closed; bytes that come before go to heard().
  [[nodiscard]] bool closed();
  [[nodiscard]] const std::string& heard() const { return heard_; }
  void leave() { socket_.reset(); }

 private:
  runtime::Descriptor socket_;
  std::string heard_;
};

/// What a gate that holds says first.
inline constexpr const char* kHello = "{\"mayfly\":1,\"type\":\"hello\",\"hold\":\"gate\"}\n";

class House : public ::testing::Test {
 protected:
  House();
  ~House() override;

  /// A new Gates on the same folder, as after a restart of the agent.
  void restart();
  void open(const std::string& worker, Hold hold = Hold::kGate, Stdio stdio = {});
  /// Leaves the marker that a release to this slot would leave.
  void mark(const std::string& worker, std::uint32_t slot) const;
  [[nodiscard]] std::string socket_of(const std::string& worker) const;
  /// A peer that is held at the worker's gate.
  Peer held(const std::string& worker);
  /// The gate's program, told to hold at the worker's socket.
  [[nodiscard]] std::unique_ptr<Process> gate(const std::string& worker,
                                              std::vector<std::string> command,
                                              std::vector<std::string> options = {}) const;

  /// Runs the loop until it is so. Fails the test after a time in which anything would be.
  void until(const std::function<bool()>& so);
  /// Until the newest event is this one.
  void until_event(const std::string& event);
  [[nodiscard]] std::size_t count(const std::string& event) const;
  /// Runs what is ready.
  void settle();

  std::string folder_;
  boost::asio::io_context loop_;
  std::vector<std::string> events_;  ///< "ready w", "lost w: why", "running w", "failed w: why", …
  std::int64_t running_at_ns_ = 0;
  std::unique_ptr<Gates> gates_;
};

/// A pipe; both ends CLOEXEC.
struct Pipe {
  Pipe();
  runtime::Descriptor read_end;
  runtime::Descriptor write_end;
  /// All that was written, after closing our write end.
  std::string drain();
};

}  // namespace mayfly::gate
