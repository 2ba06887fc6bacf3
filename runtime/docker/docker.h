// The Docker driver's door: everything else in this folder is private to it. Speaks Docker's Engine
// API (1.40 or later) on its unix socket, which Podman's service speaks too.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

#include "runtime/driver.h"
#include "runtime/registry/options.h"

namespace boost::asio {
class io_context;
}

namespace mayfly::docker {

struct Options {
  std::string socket = "/var/run/docker.sock";
  /// cgroupfs path. Where the daemon leaves cgroups to systemd, the slice of that name: "/mayfly"
  /// is mayfly.slice, "/a/b" is a-b.slice.
  std::string cgroup_parent = "/mayfly";
  runtime::Ownership owned;
  std::chrono::milliseconds call_deadline{10'000};     ///< of one call
  std::chrono::milliseconds image_deadline{120'000};   ///< of one import
  std::chrono::milliseconds pull_silence_max{60'000};  ///< a pull without progress is begun anew
  std::size_t calls_waiting_max = 4096;  ///< answered or not yet sent; more fail at once
  registry::Options registries;
};

/// Connects when start() is called. `loop` must outlive the driver.
[[nodiscard]] std::unique_ptr<runtime::Driver> make_driver(boost::asio::io_context& loop,
                                                           Options options);

}  // namespace mayfly::docker
