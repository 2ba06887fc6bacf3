// A first look at an image archive: what is in it, and all its documents. Reads the whole file, so
// it is for a thread that may wait.
#pragma once

#include <functional>
#include <string>
#include <tl/expected.hpp>

#include "runtime/archive/plan.h"

namespace mayfly::archive {

/// `stopped` is asked between blocks. Error: one line; the file is at fault.
[[nodiscard]] tl::expected<Contents, std::string> look(const std::string& file,
                                                       std::function<bool()> stopped);

}  // namespace mayfly::archive
