// The section of mayfly.toml about registries that need more than TLS and a login; every default
// stands here once.
#pragma once

#include <string>

namespace mayfly::config {

/// How one registry is reached.
struct Registry {
  bool plain_http = false;
  std::string ca_file;        ///< PEM; "" = the host's own alone
  std::string username;       ///< "" = by images.docker_config, else anonymous
  std::string password_file;  ///< the password never stands in the configuration
  bool operator==(const Registry&) const = default;
};

}  // namespace mayfly::config
