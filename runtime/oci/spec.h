// Writes the OCI runtime specification (config.json) of one container: what the image says, what
// the agent asks for, and Mayfly's secure defaults for all the rest. Pure: no file, no system call.
#pragma once

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
  bool cgroup_v2 = false;                  ///< the unified hierarchy, not the hybrid one
  std::string cgroup_parent;               ///< "/mayfly": the container's is below it, by its name
  std::vector<std::string> network_files;  ///< bound read-only with the host's network, where present
};

/// The JSON text. Error: one line; asking again would give the same.
[[nodiscard]] tl::expected<std::string, std::string> write_spec(
    const runtime::ContainerSpec& container, const ImageConfig& image, const Accounts& accounts,
    const Host& host);

/// The host as it is: cgroup version, and which of the network's files exist.
[[nodiscard]] Host this_host(std::string cgroup_parent);

}  // namespace mayfly::oci
