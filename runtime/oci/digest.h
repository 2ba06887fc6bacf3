// Digests by SHA-256, the only kind that Mayfly takes: of bytes at once, or as they come.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace mayfly::oci {

/// "sha256:" and 64 hex digits.
[[nodiscard]] std::string sha256_digest(std::string_view bytes);

/// The digest of bytes that come in pieces.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;
  void add(std::string_view bytes);
  /// Of all that was added. From here on it begins anew.
  [[nodiscard]] std::string digest();
  void restart();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

}  // namespace mayfly::oci
