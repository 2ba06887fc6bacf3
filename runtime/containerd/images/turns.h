// One at a time for each key: two pulls that need the same blob do not both fetch it. Shared by the
// threads of all pulls of a driver.
#pragma once

#include <condition_variable>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>
#include <utility>

namespace mayfly::containerd {

class Turns {
 public:
  /// Somebody's turn, for as long as it lives.
  class Turn {
   public:
    /// Waits. One that was stopped may have come beside another's: look at `stop` next.
    Turn(Turns& turns, std::string key, const std::stop_token& stop)
        : turns_(turns), key_(std::move(key)) {
      std::unique_lock lock(turns_.mutex_);
      taken_ = turns_.over_.wait(lock, stop, [this] { return !turns_.keys_.contains(key_); });
      if (taken_) turns_.keys_.insert(key_);
    }
    ~Turn() {
      if (!taken_) return;
      const std::lock_guard lock(turns_.mutex_);
      turns_.keys_.erase(key_);
      turns_.over_.notify_all();
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

   private:
    Turns& turns_;
    std::string key_;
    bool taken_ = false;
  };

 private:
  std::mutex mutex_;
  std::condition_variable_any over_;
  std::set<std::string> keys_;
};

}  // namespace mayfly::containerd
