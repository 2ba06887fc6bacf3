// The key that events are signed with, from its file.
#pragma once

#include <string>
#include <tl/expected.hpp>

namespace mayfly::webhook {

/// Without the newline at its end. Error, one line without the content: it cannot be read, is
/// empty, no regular file, too long, or may be read by others than its owner and group.
[[nodiscard]] tl::expected<std::string, std::string> read_secret(const std::string& file);

}  // namespace mayfly::webhook
