// How far one pull has come. Counted by its threads, read by the loop.
#pragma once

#include <mutex>
#include <string>
#include <utility>

#include "runtime/image.h"

namespace mayfly::containerd {

class Progress {
 public:
  explicit Progress(std::string name) {
    pulling_.name = std::move(name);
    pulling_.since = std::chrono::steady_clock::now();
    pulling_.waiting_for = "other pulls";
  }

  [[nodiscard]] runtime::Pulling now() const {
    const std::lock_guard lock(mutex_);
    return pulling_;
  }

  /// "": for nothing.
  void wait_for(const std::string& what) {
    const std::lock_guard lock(mutex_);
    pulling_.waiting_for = what;
  }

  void found(const std::string& digest, std::uint64_t bytes, std::size_t layers) {
    const std::lock_guard lock(mutex_);
    pulling_.digest = digest;
    pulling_.bytes_total = bytes;
    pulling_.layers_total = static_cast<std::uint32_t>(layers);
  }

  void fetched(std::uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    pulling_.bytes_done += bytes;
  }
  /// They have to be fetched once more.
  void lost(std::uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    pulling_.bytes_done -= bytes;
  }

  void unpacked_layer() {
    const std::lock_guard lock(mutex_);
    ++pulling_.layers_done;
  }

 private:
  mutable std::mutex mutex_;
  runtime::Pulling pulling_;
};

}  // namespace mayfly::containerd
