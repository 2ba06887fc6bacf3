#include "runtime/oci/digest.h"

#include <nettle/sha2.h>

#include <array>
#include <cstdint>

#undef sha256_digest  // nettle's macro for its own function of that name; ours is another

namespace mayfly::oci {

struct Sha256::Context {
  sha256_ctx nettle;
};

Sha256::Sha256() : context_(std::make_unique<Context>()) {
  restart();
}

Sha256::~Sha256() = default;

void Sha256::restart() {
  sha256_init(&context_->nettle);
}

void Sha256::add(std::string_view bytes) {
  sha256_update(&context_->nettle, bytes.size(),
                reinterpret_cast<const std::uint8_t*>(bytes.data()));
}

std::string Sha256::digest() {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::array<std::uint8_t, SHA256_DIGEST_SIZE> bytes{};
  nettle_sha256_digest(&context_->nettle, bytes.size(), bytes.data());  // which begins anew
  std::string text = "sha256:";
  for (const std::uint8_t byte : bytes) {
    text.push_back(kHex[byte >> 4]);
    text.push_back(kHex[byte & 0xf]);
  }
  return text;
}

std::string sha256_digest(std::string_view bytes) {
  Sha256 hash;
  hash.add(bytes);
  return hash.digest();
}

}  // namespace mayfly::oci
