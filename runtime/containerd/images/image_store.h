// The images of one containerd namespace: found, read, unpacked. Each function waits for its
// answers: for an errand's thread.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

#include "runtime/containerd/errand.h"
#include "runtime/containerd/images/prepared.h"
#include "runtime/driver.h"
#include "runtime/oci/manifest.h"

namespace mayfly::containerd {

using oci::Blob;
using oci::Manifest;

/// Of its layers, compressed.
[[nodiscard]] std::uint64_t size_of(const Manifest& manifest);

class ImageStore {
 public:
  template <class T>
  using Result = runtime::Result<T>;

  ImageStore(WaitingApi& api, std::string snapshotter, runtime::Ownership owned)
      : api_(api), snapshotter_(std::move(snapshotter)), owned_(std::move(owned)) {}

  /// Finds, reads and, where its snapshots are missing, unpacks it.
  Result<PreparedImage> prepare(const std::string& name);
  /// As prepare(), without unpacking anything.
  Result<runtime::Image> look_up(const std::string& name);
  /// Where the name leads to. kNotFound: nowhere.
  Result<Blob> find(const std::string& name);

  /// What `target` leads to on this platform. `target` may be an index.
  struct Resolved {
    Blob blob;
    Manifest manifest;
    oci::ImageConfig config;
  };
  Result<Resolved> resolve(Blob target);

  /// Makes the snapshot chain, if it is not there. REQUIRES: a lease in use.
  Result<std::monostate> unpack(const Resolved& image);
  /// Of one layer: `diff_ids` are its own and those below. REQUIRES: a lease in use, and the layers
  /// below.
  Result<std::monostate> unpack_layer(const Blob& layer, const std::vector<std::string>& diff_ids);
  /// From then on the config keeps the chain.
  Result<std::monostate> keep_snapshot(const Blob& config, const std::string& chain);

  Result<std::monostate> label_content(const std::string& digest,
                                       const std::map<std::string, std::string>& labels);

  [[nodiscard]] const runtime::Ownership& owned() const { return owned_; }
  [[nodiscard]] WaitingApi& api() { return api_; }
  [[nodiscard]] const std::string& snapshotter() const { return snapshotter_; }

  /// A key that nobody else uses: "<what>-<this run>-<random>".
  [[nodiscard]] static std::string unique_key(const std::string& what);
  /// What the keys of this run begin with.
  [[nodiscard]] static std::string run_prefix(const std::string& what);

 private:
  Result<Blob> find_by_digest(const std::string& digest);
  Result<std::string> read(const Blob& blob);
  Result<bool> has_snapshot(const std::string& key);
  Result<std::monostate> extract(const Blob& layer, const std::vector<std::string>& diff_ids);
  oci::Accounts read_accounts(const std::string& chain);

  WaitingApi& api_;
  std::string snapshotter_;
  runtime::Ownership owned_;
};

}  // namespace mayfly::containerd
