// What an Engine API server says of itself and its host. Pure readings of its answers.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "runtime/http/request.h"

namespace mayfly::docker {

struct Facts {
  bool is_podman = false;
  std::string version;
  std::string api;      ///< that both sides speak: "1.41"
  std::string storage;  ///< host folder of its images
  bool live_restore = false;
  bool systemd_cgroups = false;

  [[nodiscard]] const char* name() const { return is_podman ? "podman" : "docker"; }
};

/// Of GET /_ping: who it is and what it speaks. It costs the server nothing, while Podman asks rpm
/// and dpkg before it answers GET /version. Error: one line; a server that Mayfly cannot use is an
/// error too.
[[nodiscard]] tl::expected<Facts, std::string> read_ping(const http::Headers& headers);

/// Adds what GET /info tells. Error: one line.
[[nodiscard]] tl::expected<void, std::string> read_info(std::string_view body, Facts& facts);

/// What a container is to be created below: the path, or systemd's slice of that name. Error: it
/// has no such slice.
[[nodiscard]] tl::expected<std::string, std::string> cgroup_parent(const std::string& path,
                                                                   const Facts& facts);

/// The cgroup's path below the hierarchies' roots, of the container of this id.
[[nodiscard]] std::string cgroup_of(const std::string& parent, const std::string& id,
                                    const Facts& facts);

}  // namespace mayfly::docker
