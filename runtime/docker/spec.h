// Writes the body of a container's creation: what the agent asks for, Mayfly's secure defaults for
// all the rest. The counterpart of oci/spec.h, which makes the same of containerd. Pure.
#pragma once

#include <string>
#include <tl/expected.hpp>

#include "runtime/container.h"
#include "runtime/docker/answers.h"

namespace mayfly::docker {

/// What is so at this daemon, whatever the container.
struct Place {
  std::string cgroup_parent;    ///< as the daemon takes it
  std::string seccomp_profile;  ///< the default one, as the daemon takes it
};

/// The JSON text. Error: one line; asking again would give the same.
[[nodiscard]] tl::expected<std::string, std::string> write_spec(
    const runtime::ContainerSpec& container, const LocalImage& image, const Place& place);

}  // namespace mayfly::docker
