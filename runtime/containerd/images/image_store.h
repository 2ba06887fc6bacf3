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

class ImageStore {
 public:
  template <class T>
  using Result = runtime::Result<T>;

  ImageStore(WaitingApi& api, std::string snapshotter, runtime::Ownership owned)
      : api_(api), snapshotter_(std::move(snapshotter)), owned_(std::move(owned)) {}

  /// Finds, reads and, where its snapshots are missing, unpacks it.
  Result<PreparedImage> prepare(const std::string& name);
  Result<std::vector<runtime::Image>> list();

  /// What `target` leads to on this platform. `target` may be an index.
  struct Resolved {
    Blob blob;
    Manifest manifest;
    oci::ImageConfig config;
  };
  Result<Resolved> resolve(Blob target);

  /// Makes the snapshot chain, if it is not there. REQUIRES: a lease, or content that is
  /// referenced.
  Result<std::monostate> unpack(const Resolved& image);

  /// Ends the leases of ours that an earlier run was killed with, and what they alone keep.
  Result<std::monostate> drop_old_leases();

  /// Gives the image a name, or moves the name to it.
  Result<std::monostate> name(const std::string& name, const Blob& manifest);

  Result<std::monostate> label_content(const std::string& digest,
                                       const std::map<std::string, std::string>& labels);

  /// Objects made while it lives are safe from the garbage collector; one that a crash leaves
  /// behind expires.
  class Lease {
   public:
    explicit Lease(ImageStore& store);
    ~Lease();
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    [[nodiscard]] const std::optional<runtime::Fault>& fault() const { return fault_; }

   private:
    ImageStore& store_;
    std::string id_;
    std::optional<runtime::Fault> fault_;
  };

  [[nodiscard]] std::map<std::string, std::string> owned_labels() const {
    return {{owned_.label, owned_.value}};
  }
  [[nodiscard]] WaitingApi& api() { return api_; }
  [[nodiscard]] const std::string& snapshotter() const { return snapshotter_; }

  /// A key that nobody else uses: "<what>-<this run>-<random>".
  [[nodiscard]] static std::string unique_key(const std::string& what);

 private:
  Result<Blob> find(const std::string& name);
  Result<Blob> find_by_digest(const std::string& digest);
  Result<std::string> read(const Blob& blob);
  Result<bool> has_snapshot(const std::string& key);
  Result<std::monostate> unpack_layer(const Blob& layer, const std::vector<std::string>& diff_ids);
  Result<std::monostate> keep_snapshot(const Resolved& image, const std::string& chain);
  oci::Accounts read_accounts(const std::string& chain);

  WaitingApi& api_;
  std::string snapshotter_;
  runtime::Ownership owned_;
};

}  // namespace mayfly::containerd
