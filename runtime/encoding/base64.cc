#include "runtime/encoding/base64.h"

#include <nettle/base64.h>

#include <algorithm>
#include <cstdint>

namespace mayfly::encoding {

std::string to_base64(std::string_view bytes) {
  std::string text(BASE64_ENCODE_RAW_LENGTH(bytes.size()), '\0');
  base64_encode_raw(text.data(), bytes.size(), reinterpret_cast<const std::uint8_t*>(bytes.data()));
  return text;
}

std::string to_base64url(std::string_view bytes) {
  std::string text = to_base64(bytes);
  std::replace(text.begin(), text.end(), '+', '-');
  std::replace(text.begin(), text.end(), '/', '_');
  return text;
}

std::optional<std::string> from_base64(std::string_view text) {
  std::string bytes(BASE64_DECODE_LENGTH(text.size()), '\0');
  std::size_t size = bytes.size();
  base64_decode_ctx context;
  base64_decode_init(&context);
  const bool decoded =
      base64_decode_update(&context, &size, reinterpret_cast<std::uint8_t*>(bytes.data()),
                           text.size(), text.data()) == 1 &&
      base64_decode_final(&context) == 1;
  if (!decoded) return std::nullopt;
  bytes.resize(size);
  // Nettle lets blanks pass, and bits that belong to nothing.
  if (to_base64(bytes) != text) return std::nullopt;
  return bytes;
}

}  // namespace mayfly::encoding
