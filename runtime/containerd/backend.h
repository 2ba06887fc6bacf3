// What every operation works with: one connection's calls, the operations under way, and how this
// node wants its containers. Owned by the driver.
#pragma once

#include <set>
#include <string>

#include "runtime/containerd/api.h"
#include "runtime/containerd/containerd.h"
#include "runtime/containerd/errand.h"
#include "runtime/containerd/operation.h"
#include "runtime/oci/spec.h"

namespace mayfly::containerd {

struct Backend {
  Options options;
  oci::Host host;
  Api& api;
  Operations& operations;
  Errands& errands;
  std::set<std::string> made =
      {};  ///< containers that this run made, with our label, and not removed

  /// As the spec names it.
  [[nodiscard]] std::string cgroup(const std::string& name) const {
    return host.cgroup_parent + "/" + name;
  }

  [[nodiscard]] wire::SnapshotKey snapshot_key(const std::string& key) const {
    wire::SnapshotKey snapshot;
    snapshot.set_snapshotter(options.snapshotter);
    snapshot.set_key(key);
    return snapshot;
  }
};

}  // namespace mayfly::containerd
