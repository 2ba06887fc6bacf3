// HMAC-SHA256 (RFC 2104), by nettle.
#pragma once

#include <string>
#include <string_view>

namespace mayfly::encoding {

/// In lower-case hex.
[[nodiscard]] std::string hmac_sha256(std::string_view key, std::string_view text);

}  // namespace mayfly::encoding
