// Gives memory back to the system once work has gone quiet: what the allocator keeps of a burst
// would stay with the daemon for good. Woken by no clock of its own: one timer, which work sets
// off.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>

namespace mayfly::agent {

class MemoryReturn {
 public:
  struct Options {
    std::chrono::milliseconds quiet{20'000};  ///< so long after the last work
    std::function<void()> give;               ///< the allocator's own; a test counts
    Options();
  };

  explicit MemoryReturn(boost::asio::io_context& loop, Options options = {});

  /// Something has been done that takes memory. Cheap: it looks at a clock.
  void worked();

 private:
  void wait_until(std::chrono::steady_clock::time_point due);

  Options options_;
  boost::asio::steady_timer timer_;
  std::chrono::steady_clock::time_point worked_at_;
  bool waiting_ = false;
};

}  // namespace mayfly::agent
