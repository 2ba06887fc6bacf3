// What a creation that was broken off can leave on this host that containerd itself no longer
// knows: a shim, an unfinished container's processes, its cgroup, runc's note of it. Waits: for an
// errand's thread.
#pragma once

#include <functional>
#include <string>

#include "runtime/containerd/containerd.h"

namespace mayfly::containerd {

/// A name that is one word to files, cgroups and command lines alike.
[[nodiscard]] bool is_plain_name(const std::string& name);

/// Ends and removes all of it. REQUIRES: containerd has no task of this name; is_plain_name.
/// Touches only what bears the name together with this containerd's socket and namespace, or lies
/// under the cgroup parent. Error: one line.
[[nodiscard]] std::string clear_remnants(const Options& options, const std::string& name,
                                         const std::function<bool()>& stopped);

}  // namespace mayfly::containerd
