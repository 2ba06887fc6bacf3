// Holds processes between their exec and their first instruction: each is traced, stops by itself
// when its exec is done, is given its variables there, and is let go for ever. One that is held
// ends with this process, so none ever runs without its release. All calls come from one thread,
// the loop's: to the kernel it is the thread that traces.
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

#include "runtime/gate/frames.h"

namespace mayfly::gate {

class Tracer {
 public:
  /// Called on the loop, once: it is held, or why it cannot be. Not called if it ends before.
  using Held = std::function<void(tl::expected<void, std::string>)>;

  explicit Tracer(boost::asio::io_context& loop);
  ~Tracer();  ///< ends all that it holds
  Tracer(const Tracer&) = delete;
  Tracer& operator=(const Tracer&) = delete;

  /// From now on its next exec holds it. `pidfd`, borrowed: says that the number is still its own.
  /// `reserved`: what its exec will have in its environment, each as long as what fill() may write.
  /// Error: the kernel does not let us, or it has ended.
  [[nodiscard]] tl::expected<void, std::string> seize(pid_t pid, int pidfd,
                                                      const Environment& reserved, Held held);

  /// Writes the values into the environment of one that is held. Error: one of them has no room.
  [[nodiscard]] tl::expected<void, std::string> fill(pid_t pid, const Environment& env);
  /// Its first instruction runs, and it is traced no more. Error: it has ended.
  [[nodiscard]] tl::expected<void, std::string> let_run(pid_t pid);

  /// Ends it, however far it is, or has seen it end; nothing is called any more. Idempotent.
  /// Until then its parent is not told of its end.
  void end(pid_t pid);

 private:
  enum class State : std::uint8_t { kStarting, kHeld, kEnding, kStranger };
  struct Room {
    std::uintptr_t address = 0;
    std::size_t bytes = 0;
  };
  struct Process {
    State state = State::kStarting;
    std::map<std::string, Room> rooms;
    Held held;
  };

  void look_soon();
  void look_later();
  void look();
  /// False: it is not traced any more.
  [[nodiscard]] bool look_at(pid_t pid, Process& process);
  void stopped(pid_t pid, Process& process, int status);

  boost::asio::steady_timer timer_;
  std::chrono::microseconds wait_{};
  bool is_looking_ = false;
  std::map<pid_t, Process> processes_;
};

}  // namespace mayfly::gate
