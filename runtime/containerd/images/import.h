// Brings an image archive into containerd: content, manifest, snapshots, names. For an errand's
// thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "runtime/containerd/images/image_store.h"
#include "runtime/driver.h"

namespace mayfly::containerd {

[[nodiscard]] runtime::Result<std::vector<runtime::Image>> import_archive(
    ImageStore& store, const std::string& file, const std::optional<std::string>& name);

}  // namespace mayfly::containerd
