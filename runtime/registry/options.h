// How registries are reached: whose credentials, which of them without TLS. Plain values, from the
// configuration.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace mayfly::registry {

struct Registry {
  bool plain_http = false;    ///< HTTP without TLS; never without being asked for
  std::string ca_file;        ///< PEM, trusted beside the host's own; "" = none
  std::string username;       ///< "": by docker_config, else anonymous
  std::string password_file;  ///< read at each login; a trailing newline is not part of it
  bool operator==(const Registry&) const = default;
};

struct Options {
  std::string docker_config;  ///< a Docker config.json: auths, credHelpers, credsStore; "", or one
                              ///< that is not there: none
  std::map<std::string, Registry> registries;  ///< by "host" or "host:port", as images name it
  std::uint32_t layers_parallel = 3;           ///< of one pull
};

}  // namespace mayfly::registry
