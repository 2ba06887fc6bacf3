// The bytes of one blob on their way from a registry into a sink: that they are the next ones, no
// more than its size, and what its digest names. Lives through all tries. Does no HTTP itself.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <variant>

#include "runtime/oci/digest.h"
#include "runtime/oci/manifest.h"
#include "runtime/registry/blob_sink.h"
#include "runtime/registry/trouble.h"

namespace mayfly::registry {

class BlobTransfer {
 public:
  using Outcome = tl::expected<std::monostate, Trouble>;

  BlobTransfer(const oci::Blob& blob, BlobSink& sink, Asked asked)
      : blob_(blob), sink_(sink), asked_(std::move(asked)) {}

  /// Before each try.
  Outcome prepare();
  [[nodiscard]] bool is_whole() const { return sink_.offset() == size() && size() > 0; }
  /// For what is missing; without its URL. It calls back into this.
  [[nodiscard]] HttpRequest request();
  /// Why this side gave a try up, where it did.
  [[nodiscard]] std::optional<Trouble> own_trouble();
  /// After an answer that was not a refusal: whether the blob is here now.
  Outcome conclude();

  [[nodiscard]] const oci::Blob& blob() const { return blob_; }

 private:
  [[nodiscard]] std::uint64_t size() const { return static_cast<std::uint64_t>(blob_.size); }
  bool begin(const HttpReply& reply);
  bool take(std::string_view piece);
  void start_over();
  [[nodiscard]] Trouble wrong(const std::string& how);

  const oci::Blob& blob_;
  BlobSink& sink_;
  Asked asked_;
  std::uint64_t from_ = 0;  ///< where this try began
  oci::Sha256 hash_;
  std::uint64_t hashed_ = 0;  ///< so many, from the first on
  bool too_much_ = false;
  std::optional<runtime::Fault> fault_;  ///< the sink's
};

}  // namespace mayfly::registry
