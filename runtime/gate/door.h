// One worker's socket: who may connect, how often, what may be said in which order, and the
// hand-over at the release. Every peer is a process of the worker's container and may be hostile:
// what it can cost us is bounded by constants, and only its own release can suffer. Knows no
// directories.
#pragma once

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "runtime/descriptor.h"
#include "runtime/gate/frames.h"
#include "runtime/gate/stopped.h"
#include "runtime/gate/tracer.h"

namespace mayfly::gate {

class Door;

/// What happens at a door. Called from the loop; the door may be shut from within.
class DoorWatcher {
 public:
  virtual ~DoorWatcher() = default;
  virtual void ready(Door& door) = 0;
  virtual void lost(Door& door, std::string reason) = 0;
  virtual void running(Door& door, std::int64_t at_ns) = 0;
  virtual void failed(Door& door, std::string reason) = 0;
  /// Too many connections for now, or no room for more: resume() in a second or so.
  virtual void throttled(Door& door) = 0;
  /// With kExec, before ready(): it is held by its gate, as with kGate, since it cannot be traced.
  virtual void untraced(Door& door, std::string reason) = 0;
};

using StdioCopies = std::array<runtime::Descriptor, 3>;

/// Shared only with the handlers that Asio keeps, which hold it weakly.
class Door : public std::enable_shared_from_this<Door> {
 public:
  struct Options {
    std::string worker;
    Hold hold = Hold::kGate;
    StdioCopies stdio;       ///< all three or none
    Environment reserved;    ///< with kExec: what a release will write, values as long as can be
    bool is_marked = false;  ///< an earlier run has released it, or died of that
  };

  /// Both outlive this.
  Door(boost::asio::io_context& loop, Options options, DoorWatcher& watcher, Tracer& tracer);
  ~Door();
  Door(const Door&) = delete;
  Door& operator=(const Door&) = delete;

  [[nodiscard]] const std::string& worker() const { return options_.worker; }
  [[nodiscard]] Hold hold() const { return options_.hold; }

  /// Takes over a listening, non-blocking socket.
  [[nodiscard]] tl::expected<void, std::string> listen(runtime::Descriptor listening);

  /// The container's first process. With kExec it is traced once its gate has said hello, or found
  /// to be stopped already, by an earlier run.
  void started(pid_t pid, runtime::Descriptor pidfd);
  /// That process has ended.
  void ended();

  [[nodiscard]] bool someone_is_held() const;
  /// Held behind its exec: by let_run(), which returns CLOCK_MONOTONIC, it is released.
  [[nodiscard]] bool is_stopped() const { return stopped_.has_value(); }
  [[nodiscard]] tl::expected<void, std::string> has_room_for(const Environment& env) const;
  [[nodiscard]] tl::expected<std::int64_t, std::string> let_run(const Environment& env);
  /// Sends the frame to the one that is held otherwise; nobody can connect any more. `running` or
  /// `failed` follows, but with kApp there is nothing to wait for. Returns CLOCK_MONOTONIC when
  /// sent.
  [[nodiscard]] tl::expected<std::int64_t, std::string> release(std::string_view frame);

  /// After throttled(): lets people in again.
  void resume();
  /// Ends everything; nothing is called any more.
  void shut();

 private:
  enum class State : std::uint8_t { kSilent, kGreeted, kStarting, kHeld, kReleased };
  struct Peer {
    std::uint64_t id = 0;
    boost::asio::posix::stream_descriptor socket;
    LineBuffer lines;
    State state = State::kSilent;
  };

  void await_connection();
  void on_connection();
  bool refill();
  void admit(runtime::Descriptor socket);
  bool make_room();

  void await_bytes(Peer& peer);
  void on_bytes(std::uint64_t id);
  void on_end(Peer& peer);
  void take_lines(std::uint64_t id);
  void take(Peer& peer, const PeerFrame& frame);
  void take_hello(Peer& peer, Hello hello);
  void trace();
  void start(Peer& peer);
  [[nodiscard]] tl::expected<void, std::string> send_with_stdio(Peer& peer, std::string_view frame);
  void on_stopped();
  void hold_stopped();
  void take_ready(Peer& peer);
  void take_failed(Peer& peer, const ExecFailed& failed);

  [[nodiscard]] Peer* find(std::uint64_t id);
  [[nodiscard]] Peer* find(State state);
  bool place_is_taken(State state);
  void hold_peer(Peer& peer);
  void drop(const Peer& peer);
  void reject(const Peer& peer, std::string reason);
  void close_to_all();

  boost::asio::io_context& loop_;
  Options options_;
  DoorWatcher& watcher_;
  Tracer& tracer_;
  boost::asio::posix::stream_descriptor listening_;
  std::vector<std::unique_ptr<Peer>> peers_;  ///< in the order of their connecting
  std::uint64_t last_peer_ = 0;
  bool started_ = false;  ///< kExec, kApp: the gate has been told to exec
  bool released_ = false;
  pid_t pid_ = 0;
  runtime::Descriptor pidfd_;  ///< of kExec's, until it is stopped
  bool is_traced_ = false;
  std::optional<Stopped> stopped_;  ///< its exec is done
  std::int64_t admissions_;         ///< connections that may still be accepted now
  std::chrono::steady_clock::time_point refilled_;
};

/// CLOCK_MONOTONIC, now.
[[nodiscard]] std::int64_t monotonic_ns();

}  // namespace mayfly::gate
