#include "runtime/oci/digest.h"

#include <openssl/evp.h>

#include <array>

namespace mayfly::oci {

struct Sha256::Context {
  EVP_MD_CTX* evp = EVP_MD_CTX_new();
};

Sha256::Sha256() : context_(std::make_unique<Context>()) {
  restart();
}

Sha256::~Sha256() {
  EVP_MD_CTX_free(context_->evp);
}

void Sha256::restart() {
  EVP_DigestInit_ex(context_->evp, EVP_sha256(), nullptr);
}

void Sha256::add(std::string_view bytes) {
  EVP_DigestUpdate(context_->evp, bytes.data(), bytes.size());
}

std::string Sha256::digest() {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
  unsigned size = 0;
  EVP_DigestFinal_ex(context_->evp, bytes.data(), &size);
  restart();
  std::string text = "sha256:";
  for (unsigned at = 0; at < size; ++at) {
    text.push_back(kHex[bytes[at] >> 4]);
    text.push_back(kHex[bytes[at] & 0xf]);
  }
  return text;
}

std::string sha256_digest(std::string_view bytes) {
  Sha256 hash;
  hash.add(bytes);
  return hash.digest();
}

}  // namespace mayfly::oci
