// Closes descriptors whose closing takes long, away from the loop: the last reference to a mount
// namespace tears down its mounts inside close(2), which takes a third of a millisecond.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <thread>
#include <vector>

namespace mayfly::agent {

class Closer {
 public:
  Closer();
  ~Closer();  ///< closes what is queued
  Closer(const Closer&) = delete;
  Closer& operator=(const Closer&) = delete;

  /// Takes ownership of `fd`. With kQueueMax waiting it is closed at once, on the caller's time.
  void close_later(int fd);

 private:
  static constexpr std::size_t kQueueMax = 1024;
  void run();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<int> queue_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace mayfly::agent
