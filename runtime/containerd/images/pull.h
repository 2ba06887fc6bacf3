// Brings an image from its registry into containerd: what is missing of it and nothing else, each
// layer unpacked as soon as it and those below are there. For an errand's thread.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "runtime/containerd/images/image_store.h"
#include "runtime/containerd/images/prepared.h"
#include "runtime/containerd/images/progress.h"
#include "runtime/containerd/images/turns.h"
#include "runtime/image.h"
#include "runtime/registry/client.h"
#include "runtime/registry/options.h"

namespace mayfly::containerd {

/// The leases of pulls that failed: they keep what has come, for the next try. Shared by the
/// threads of all pulls.
class UnfinishedPulls {
 public:
  using Clock = std::chrono::steady_clock;

  struct Kept {
    std::string lease;
    Clock::time_point made;
    Clock::time_point last_try;
  };
  /// Of the last try for this image, else a new one; from here on it is the caller's.
  Kept take(const ImageStore& store, const std::string& digest);
  void put(const std::string& digest, Kept kept);
  /// Of those that nobody has come back to.
  std::vector<std::string> take_old();

 private:
  std::mutex mutex_;
  std::map<std::string, Kept> by_digest_;
};

/// What all pulls of a driver share.
struct PullShared {
  registry::Options registries;
  registry::Patience patience;
  Turns turns;
  UnfinishedPulls unfinished;
};

/// As Driver::prepare_image says; the registry is asked whatever wanted.pull says, with kAlways for
/// what the tag means now. What is here already is only read.
[[nodiscard]] runtime::Result<PreparedImage> pull_image(ImageStore& store, PullShared& shared,
                                                        const runtime::ImageWanted& wanted,
                                                        Progress& progress);

}  // namespace mayfly::containerd
