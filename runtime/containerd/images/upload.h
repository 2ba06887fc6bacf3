// One blob on its way into containerd's content store, piece by piece. For an errand's thread.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/containerd/errand.h"
#include "runtime/driver.h"

namespace mayfly::containerd {

class Upload {
 public:
  using Labels = std::map<std::string, std::string>;

  explicit Upload(WaitingApi& api) : api_(api) {}
  ~Upload();  ///< gives up what was not committed
  Upload(const Upload&) = delete;
  Upload& operator=(const Upload&) = delete;

  /// Waits until containerd has taken it: at most one piece is on the way.
  runtime::Result<std::monostate> write(std::string_view bytes);

  /// Ends it under this digest; a blob that is there already is as good. Faults: kRefused when the
  /// bytes are not what the digest says.
  runtime::Result<std::monostate> commit(const std::string& digest, const Labels& labels);

 private:
  runtime::Result<std::monostate> send(wire::WriteContentRequest message, grpc::Sending sending);

  WaitingApi& api_;
  std::string ref_;
  std::int64_t offset_ = 0;
  std::optional<grpc::Channel::CallId> call_;
  std::uint64_t replies_ = 0;
  std::optional<grpc::Channel::Outcome> end_;
};

}  // namespace mayfly::containerd
