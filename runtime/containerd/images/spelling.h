// How people name images, and how they are stored.
#pragma once

#include <string>
#include <vector>

namespace mayfly::containerd {

/// The names under which an image that people call `name` may be stored: as given, and last in
/// full, as Docker completes it ("busybox" is docker.io/library/busybox:latest).
[[nodiscard]] std::vector<std::string> spellings(const std::string& name);

}  // namespace mayfly::containerd
