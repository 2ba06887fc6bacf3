// Writes the OCI runtime specification (config.json) of one container: what the image says, what
// the agent asks for, and Mayfly's secure defaults for all the rest. Pure: no file, no system call.
#pragma once

#include <cstdint>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "runtime/driver.h"
#include "runtime/oci/accounts.h"
#include "runtime/oci/image.h"
#include "runtime/oci/seccomp.h"

namespace mayfly::oci {

/// What is so on this host, whatever the container.
struct Host {
  Architecture architecture = Architecture::kX86_64;
  bool cgroup_v2 = false;     ///< the unified hierarchy, not the hybrid one
  std::string cgroup_parent;  ///< "/mayfly": the container's is below it, by its name
  std::vector<std::string>
      network_files;  ///< bound read-only with the host's network, where present
};

/// What a specification takes from elsewhere than the container and its image.
struct Surroundings {
  const Host& host;
  SeccompProfiles& profiles;
};

/// The JSON text. Error: one line; asking again would give the same.
[[nodiscard]] tl::expected<std::string, std::string> write_spec(
    const runtime::ContainerSpec& container, const ImageConfig& image, const Accounts& accounts,
    const Surroundings& around);

/// What the container executes: its entrypoint, and then the command that the pool names, else the
/// image's own.
[[nodiscard]] std::vector<std::string> arguments(const runtime::ContainerSpec& container,
                                                 const ImageConfig& image);

/// What a runtime would only tell of later and in other words, as one line; empty: nothing.
[[nodiscard]] std::string fault_of(const runtime::ContainerSpec& container,
                                   const ImageConfig& image);

/// Microseconds of `period_us` that a container may use of the processors.
struct CpuQuota {
  std::int64_t quota_us = 0;
  std::int64_t period_us = 0;
};
[[nodiscard]] CpuQuota cpu_quota(double cpu);

/// As a container knows itself: its name, as far as a host name may be long.
[[nodiscard]] std::string host_name(const runtime::ContainerSpec& container);

/// The host as it is: cgroup version, and which of the network's files exist.
[[nodiscard]] Host this_host(std::string cgroup_parent);

}  // namespace mayfly::oci
