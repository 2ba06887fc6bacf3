// One blob on its way into containerd's content store, piece by piece. For an errand's thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/containerd/errand.h"
#include "runtime/driver.h"
#include "runtime/oci/manifest.h"

namespace mayfly::containerd {

class Upload {
 public:
  using Labels = std::map<std::string, std::string>;
  enum class Begun : std::uint8_t { kThere, kMissing };
  template <class T>
  using Result = runtime::Result<T>;

  /// Of bytes whose digest is not known yet.
  explicit Upload(WaitingApi& api);
  /// Of a blob that is known: it goes on where an earlier upload of it was cut.
  Upload(WaitingApi& api, const oci::Blob& blob);
  ~Upload();  ///< gives up what was not committed
  Upload(const Upload&) = delete;
  Upload& operator=(const Upload&) = delete;

  /// Of a blob that is known, before anything else. kThere: it is in the store, and kept by the
  /// lease; there is nothing to write.
  Result<Begun> begin();

  /// They are sent in large pieces, a few of them on the way at a time: a fault may be that of an
  /// earlier piece.
  Result<std::monostate> write(std::string_view bytes);

  /// What was written is forgotten; the next piece is the first.
  Result<std::monostate> restart();

  /// Ends it under this digest; a blob that is there already is as good. Faults: kRefused when the
  /// bytes are not what the digest says.
  Result<std::monostate> commit(const std::string& digest, const Labels& labels);

  /// From here on: what was written and not committed stays, for a later upload of the same blob.
  void leave() { leave_ = true; }

  [[nodiscard]] std::uint64_t offset() const {
    return static_cast<std::uint64_t>(offset_) + unsent_.size();
  }

 private:
  Result<std::monostate> send_piece();
  Result<std::monostate> open(const wire::WriteContentRequest& first);
  Result<std::monostate> send(wire::WriteContentRequest& message, grpc::Sending sending);
  Result<std::monostate> wait_until(std::uint64_t replies);
  [[nodiscard]] bool is_locked() const;
  [[nodiscard]] bool is_there() const;

  WaitingApi& api_;
  std::string ref_;
  std::optional<oci::Blob> blob_;  ///< none: not known
  std::int64_t offset_ = 0;        ///< of the next piece
  std::string unsent_;             ///< less than a piece
  std::optional<grpc::Channel::CallId> call_;
  std::uint64_t sent_ = 0;
  std::uint64_t replies_ = 0;
  std::int64_t offset_told_ = 0;  ///< by the last reply
  std::optional<grpc::Channel::Outcome> end_;
  bool written_ = false;  ///< there is something to give up
  bool leave_ = false;
};

/// A document in one call, committed under its digest, and kept by the lease.
[[nodiscard]] runtime::Result<std::monostate> upload_document(WaitingApi& api,
                                                              const oci::Blob& blob,
                                                              const std::string& bytes,
                                                              const Upload::Labels& labels);

/// What is there already is safe from the garbage collector for as long as the lease in use lasts.
/// `type`: "content", "snapshots/NAME". It need not exist: look after this whether it does.
[[nodiscard]] runtime::Result<std::monostate> add_to_lease(WaitingApi& api, const std::string& type,
                                                           const std::string& id);

}  // namespace mayfly::containerd
