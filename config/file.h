// A file of the configuration as text. Internal to config/.
#pragma once

#include <filesystem>
#include <string>
#include <tl/expected.hpp>

#include "config/tree.h"

namespace mayfly::config {

/// The file's text; not much more than the limit at most, which the parser then refuses. A fault
/// has no file yet.
[[nodiscard]] tl::expected<std::string, Fault> read_file(const std::filesystem::path& path);

/// For the errno of a look at a file or folder.
[[nodiscard]] std::string cannot_read(int error);

}  // namespace mayfly::config
