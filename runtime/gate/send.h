// One frame out, with descriptors beside it.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace mayfly::gate {

/// Never waits: a peer that has no room for a whole frame is not worth one.
/// REQUIRES: descriptors.size() <= 3.
[[nodiscard]] tl::expected<void, std::string> send_frame(int socket, std::string_view frame,
                                                         std::span<const int> descriptors);

}  // namespace mayfly::gate
