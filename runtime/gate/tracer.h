// Stops processes behind their exec: each is traced until its next exec is done, is stopped there
// by SIGSTOP, and from then on traced by nobody. One that is traced ends with this process, so that
// none ever runs without its release. All calls come from one thread, the loop's: to the kernel it
// is the thread that traces.
#pragma once

#include <sys/types.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <tl/expected.hpp>

namespace mayfly::gate {

class Tracer {
 public:
  /// Called on the loop, once: it is stopped. Not called if it ends before.
  using OnStopped = std::function<void()>;

  explicit Tracer(boost::asio::io_context& loop);
  ~Tracer();  ///< ends all that it traces
  Tracer(const Tracer&) = delete;
  Tracer& operator=(const Tracer&) = delete;

  /// From now on its next exec stops it. `pidfd`, borrowed: says that the number is still its own.
  /// Error: the kernel does not let us, or it has ended.
  [[nodiscard]] tl::expected<void, std::string> seize(pid_t pid, int pidfd, OnStopped on_stopped);

  /// Ends one that is traced, however far it is, or has seen it end; nothing is called any more.
  /// Idempotent. Until then its parent is not told of its end.
  void end(pid_t pid);

 private:
  enum class State : std::uint8_t { kStarting, kEnding, kStranger };
  struct Process {
    State state = State::kStarting;
    OnStopped on_stopped;
  };

  void look_soon();
  void look_later();
  void look();
  void look_at(pid_t pid);

  boost::asio::steady_timer timer_;
  std::chrono::microseconds wait_{};
  bool is_looking_ = false;
  std::map<pid_t, Process> processes_;
};

}  // namespace mayfly::gate
