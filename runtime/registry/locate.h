// From a name in a registry to the manifest for this machine, through whatever indexes lie between.
#pragma once

#include <optional>
#include <string>

#include "runtime/registry/client.h"
#include "runtime/registry/resolver.h"

namespace mayfly::registry {

struct Located {
  std::optional<Client::Document> index;  ///< what the name itself names, where that is an index
  Client::Document manifest;
  oci::Manifest parsed;

  /// What the name names.
  [[nodiscard]] const Client::Document& top() const { return index ? *index : manifest; }
  [[nodiscard]] Found found() const;
};

/// Faults as of Client::manifest; kRefused also for an image without this platform.
[[nodiscard]] runtime::Result<Located> locate(Client& client, const std::string& version);

}  // namespace mayfly::registry
