// Where a blob goes, piece by piece: what a client fetches into. Owned by whoever wants the blob.
#pragma once

#include <cstdint>
#include <string_view>
#include <variant>

#include "runtime/result.h"

namespace mayfly::registry {

class BlobSink {
 public:
  virtual ~BlobSink() = default;
  /// How much of it is there; the rest comes. One that begins beyond 0 proves the digest itself.
  [[nodiscard]] virtual std::uint64_t offset() const = 0;
  virtual runtime::Result<std::monostate> write(std::string_view bytes) = 0;
  /// What was written is worth nothing: from 0 again.
  virtual runtime::Result<std::monostate> restart() = 0;
};

}  // namespace mayfly::registry
