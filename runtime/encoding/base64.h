// Base64, by nettle (RFC 4648), always padded.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace mayfly::encoding {

[[nodiscard]] std::string to_base64(std::string_view bytes);
/// With - and _ in place of + and /.
[[nodiscard]] std::string to_base64url(std::string_view bytes);
/// None: it is not the canonical base64 of anything.
[[nodiscard]] std::optional<std::string> from_base64(std::string_view text);

}  // namespace mayfly::encoding
