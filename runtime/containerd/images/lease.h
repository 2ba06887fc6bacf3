// A lease of containerd's: objects made or added while it is in use are safe from the garbage
// collector. For an errand's thread.
#pragma once

#include <optional>
#include <string>

#include "runtime/containerd/errand.h"
#include "runtime/driver.h"

namespace mayfly::containerd {

class Lease {
 public:
  /// Makes it, or takes up the one of this id, and uses it for the calls of `api` while it lives.
  /// One that a crash leaves behind expires.
  Lease(WaitingApi& api, const runtime::Ownership& owned, std::string id = new_id());
  ~Lease();
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;

  [[nodiscard]] const std::optional<runtime::Fault>& fault() const { return fault_; }
  [[nodiscard]] const std::string& id() const { return id_; }
  /// It outlives this object.
  void keep() { keep_ = true; }

  [[nodiscard]] static std::string new_id();

 private:
  WaitingApi& api_;
  std::string id_;
  std::string outer_;  ///< the one in use before
  std::optional<runtime::Fault> fault_;
  bool keep_ = false;
};

/// What they alone keep is for the garbage collector.
[[nodiscard]] runtime::Result<std::monostate> end_lease(WaitingApi& api, const std::string& id);

/// Ends the leases of ours that earlier runs were killed with, and collects what they alone kept.
[[nodiscard]] runtime::Result<std::monostate> end_old_leases(WaitingApi& api,
                                                             const runtime::Ownership& owned);

}  // namespace mayfly::containerd
