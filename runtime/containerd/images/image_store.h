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

/// A word that nobody else uses.
[[nodiscard]] std::string random_word();

/// Of its layers, compressed.
[[nodiscard]] std::uint64_t size_of(const Manifest& manifest);

class ImageStore {
 public:
  template <class T>
  using Result = runtime::Result<T>;

  /// What all stores of a driver have in common.
  struct Place {
    std::string snapshotter;
    runtime::Ownership owned;
    std::string run;  ///< a word of this driver's alone: what it leaves behind is told by it
  };

  ImageStore(WaitingApi& api, const Place& place) : api_(api), place_(place) {}

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

  [[nodiscard]] const runtime::Ownership& owned() const { return place_.owned; }
  [[nodiscard]] WaitingApi& api() { return api_; }
  [[nodiscard]] const std::string& snapshotter() const { return place_.snapshotter; }

  [[nodiscard]] const std::string& run() const { return place_.run; }

 private:
  Result<Blob> find_by_digest(const std::string& digest);
  Result<std::string> read(const Blob& blob);
  Result<bool> has_snapshot(const std::string& key);
  Result<std::monostate> extract(const Blob& layer, const std::vector<std::string>& diff_ids);
  oci::Accounts read_accounts(const std::string& chain);

  WaitingApi& api_;
  Place place_;
};

}  // namespace mayfly::containerd
