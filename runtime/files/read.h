// Small files of people's making, read whole: whatever stands at the path, it neither blocks nor
// fills the memory.
#pragma once

#include <cstddef>
#include <string>
#include <tl/expected.hpp>

namespace mayfly::files {

/// Error: one line that names the file, also where it is no regular file or longer than that.
[[nodiscard]] tl::expected<std::string, std::string> read_bounded(const std::string& path,
                                                                  std::size_t bytes_max);

/// A password or the like: one line of at most 4096 bytes, without its end. To be read anew at each
/// use, so that it can be changed under a running daemon. Error: as above; also where it is empty,
/// or open to users other than its owner and group.
[[nodiscard]] tl::expected<std::string, std::string> read_secret(const std::string& path);

}  // namespace mayfly::files
