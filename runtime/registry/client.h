// Fetches what one repository of one registry has: manifests and blobs, each proved to be what its
// digest says. Waits, tries again, goes on where it was cut: for threads that may wait, several at
// once. Knows nothing of platforms and of where blobs go.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <variant>
#include <vector>

#include "runtime/oci/manifest.h"
#include "runtime/registry/authorizer.h"
#include "runtime/registry/blob_sink.h"
#include "runtime/registry/options.h"
#include "runtime/registry/patience.h"
#include "runtime/registry/reference.h"
#include "runtime/registry/transport.h"
#include "runtime/result.h"

namespace mayfly::registry {

class BlobTransfer;

class Client {
 public:
  template <class T>
  using Result = runtime::Result<T>;

  struct Document {
    oci::Blob blob;
    std::string bytes;
  };

  /// Borrows `options`. `stop` ends every wait.
  Client(const Options& options, Reference reference, Patience patience, std::stop_token stop);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// Called, from any of the fetching threads, before it waits to try again, and with "" when it
  /// does. Set before the first call.
  void on_wait(std::function<void(const std::string& why)> tell) { on_wait_ = std::move(tell); }

  /// `version`: a tag, or a digest that the answer is checked against. Faults of these four:
  /// kNotFound, kRefused (login, bytes that are not what they should be), kFailed.
  Result<Document> manifest(const std::string& version);
  /// What a tag means, without fetching it. "": the registry does not say.
  Result<std::string> digest_of(const std::string& version);
  /// A blob that is a document.
  Result<std::string> document(const oci::Blob& blob);
  /// Also the sink's own faults, as they are.
  Result<std::monostate> fetch(const oci::Blob& blob, BlobSink& sink);

  [[nodiscard]] const Reference& reference() const { return reference_; }

 private:
  class Loan;
  template <class T>
  using Try = tl::expected<T, Trouble>;

  template <class T>
  Result<T> persist(const std::function<Try<T>()>& attempt,
                    const std::function<std::uint64_t()>& progress);
  bool pause(const Trouble& trouble, int tries_left);
  Try<HttpReply> ask(HttpRequest request, const std::string& what);
  Try<HttpReply> follow(Transport& transport, HttpRequest request, const Asked& asked);
  Try<std::monostate> fetch_once(BlobTransfer& transfer);
  [[nodiscard]] std::string url(const std::string& kind, const std::string& version) const;
  [[nodiscard]] Asked asked(std::string what);

  const Options& options_;
  Reference reference_;
  Patience patience_;
  std::stop_token stop_;
  std::string base_;
  Authorizer authorizer_;
  std::function<void(const std::string&)> on_wait_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Transport>> idle_;  ///< with their connections
};

}  // namespace mayfly::registry
