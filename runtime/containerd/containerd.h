// The containerd driver's door: everything else in this folder is private to it. Speaks
// containerd's gRPC on its unix socket (1.6 or later), in a containerd namespace of its own, with
// runc's shim v2.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

#include "runtime/driver.h"
#include "runtime/registry/options.h"
#include "runtime/registry/patience.h"

namespace boost::asio {
class io_context;
}

namespace mayfly::containerd {

struct Options {
  std::string socket = "/run/containerd/containerd.sock";
  std::string name_space = "mayfly";  ///< containerd namespace; runc's state is global per name
  std::string snapshotter = "overlayfs";
  std::string cgroup_parent = "/mayfly";  ///< cgroupfs path; runc makes it and nobody removes it
  runtime::Ownership owned;
  std::chrono::milliseconds call_deadline{10'000};    ///< of one containerd call
  std::chrono::milliseconds image_deadline{120'000};  ///< of one call of an unpack or an import
  std::size_t calls_queued_max = 4096;  ///< waiting for a stream or a connection; more fail at once
  registry::Options registries;
  registry::Patience patience;  ///< with registries
  std::string runc;  ///< path of the OCI runtime binary; "" = the shim's default, runc in PATH
};

/// Connects when start() is called. `loop` must outlive the driver.
[[nodiscard]] std::unique_ptr<runtime::Driver> make_driver(boost::asio::io_context& loop,
                                                           Options options);

}  // namespace mayfly::containerd
