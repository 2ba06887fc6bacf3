// A lease of containerd's: objects made or added while it is in use are safe from the garbage
// collector. For an errand's thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "runtime/containerd/images/image_store.h"
#include "runtime/driver.h"

namespace mayfly::containerd {

class Lease {
 public:
  /// Makes it, or takes up the one of this id, and uses it for the calls of `api` while it lives.
  /// One that a crash leaves behind expires.
  Lease(ImageStore& store, std::string id);
  explicit Lease(ImageStore& store) : Lease(store, new_id(store)) {}
  ~Lease();
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;

  [[nodiscard]] const std::optional<runtime::Fault>& fault() const { return fault_; }
  [[nodiscard]] const std::string& id() const { return id_; }
  /// It outlives this object.
  void keep() { end_ = End::kNot; }
  /// What it alone keeps goes at once when it ends, and not with the next collection.
  void collect() { end_ = End::kCollect; }

  [[nodiscard]] static std::string new_id(const ImageStore& store);

 private:
  WaitingApi& api_;
  std::string id_;
  std::string outer_;  ///< the one in use before
  std::optional<runtime::Fault> fault_;
  enum class End : std::uint8_t { kLater, kCollect, kNot } end_ = End::kLater;
};

/// What they alone keep is for the garbage collector.
[[nodiscard]] runtime::Result<std::monostate> end_lease(WaitingApi& api, const std::string& id);

/// Ends the leases of ours that earlier drivers died with, and collects what they alone kept.
[[nodiscard]] runtime::Result<std::monostate> end_old_leases(ImageStore& store);

}  // namespace mayfly::containerd
