// Fetches the layers of one image from a registry into the content store, several at once, lowest
// first, on threads with containerd connections of their own. Owned by a pull; destruction stops
// what is under way and keeps what has come for a later pull.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
#include <vector>

#include "runtime/containerd/images/image_store.h"
#include "runtime/containerd/images/progress.h"
#include "runtime/containerd/images/turns.h"
#include "runtime/registry/client.h"

namespace mayfly::containerd {

class LayerFetch {
 public:
  template <class T>
  using Result = runtime::Result<T>;

  /// What it borrows.
  struct Parts {
    WaitingApi& api;  ///< of the pull's thread: its lease, and its stop, hold for the others
    registry::Client& client;
    std::stop_source stop;  ///< what the client listens to: asked for when one layer fails
    Turns& turns;
    Progress& progress;
  };

  LayerFetch(Parts parts, const std::vector<Blob>& layers, std::uint32_t parallel);
  ~LayerFetch();
  LayerFetch(const LayerFetch&) = delete;
  LayerFetch& operator=(const LayerFetch&) = delete;

  /// Until the layer is in the store. The fault is that of the first that failed: it ends all.
  Result<std::monostate> wait_for(std::size_t layer);
  /// That fault, which has stopped what else the client was asked for; none: no layer has failed.
  [[nodiscard]] std::optional<runtime::Fault> fault();

 private:
  void work(WaitingApi& api);
  Result<std::monostate> fetch(WaitingApi& api, const Blob& layer);

  Parts parts_;
  std::vector<Blob> layers_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t next_ = 0;
  std::vector<bool> done_;
  std::optional<runtime::Fault> fault_;
  std::vector<std::unique_ptr<WaitingApi>> apis_;
  std::vector<std::thread> threads_;
  std::optional<std::stop_callback<std::function<void()>>> outer_stop_;
};

}  // namespace mayfly::containerd
