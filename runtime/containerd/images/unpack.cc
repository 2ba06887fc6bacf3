#include "runtime/containerd/images/image_store.h"
#include "runtime/containerd/images/upload.h"
#include "runtime/containerd/translate.h"

namespace mayfly::containerd {

using oci::chain_id;
using runtime::Fault;
using runtime::FaultKind;

runtime::Result<std::monostate> ImageStore::unpack(const Resolved& image) {
  std::vector<std::string> diff_ids;
  for (std::size_t at = 0; at < image.manifest.layers.size(); ++at) {
    diff_ids.push_back(image.config.diff_ids[at]);
    const auto unpacked = unpack_layer(image.manifest.layers[at], diff_ids);
    if (!unpacked) return unpacked;
  }
  return keep_snapshot(image.manifest.config, chain_id(diff_ids));
}

/// Each layer is applied on top of the one below and committed under the name of its chain, as
/// containerd's own clients do: layers that images share are unpacked once. One that is there is
/// leased first and looked at again: until then it may be collected at any moment.
runtime::Result<std::monostate> ImageStore::unpack_layer(const Blob& layer,
                                                         const std::vector<std::string>& diff_ids) {
  const auto chain = chain_id(diff_ids);
  const auto found = has_snapshot(chain);
  if (!found) return tl::unexpected(found.error());
  if (!*found) return extract(layer, diff_ids);
  if (auto leased = add_to_lease(api_, "snapshots/" + place_.snapshotter, chain); !leased)
    return leased;
  const auto still = has_snapshot(chain);
  if (!still) return tl::unexpected(still.error());
  return *still ? Result<std::monostate>() : extract(layer, diff_ids);
}

runtime::Result<std::monostate> ImageStore::extract(const Blob& layer,
                                                    const std::vector<std::string>& diff_ids) {
  const auto key = "mayfly-extract-" + random_word();
  wire::PrepareSnapshotRequest prepare;
  prepare.set_snapshotter(place_.snapshotter);
  prepare.set_key(key);
  prepare.set_parent(chain_id({diff_ids.begin(), diff_ids.end() - 1}));
  (*prepare.mutable_labels())[place_.owned.label] = place_.owned.value;
  const auto prepared = api_.call(method::kPrepareSnapshot, prepare);
  if (!prepared) return tl::unexpected(fault_of(prepared.error(), "prepare a layer"));

  wire::ApplyRequest apply;
  apply.mutable_diff()->set_media_type(layer.media_type);
  apply.mutable_diff()->set_digest(layer.digest);
  apply.mutable_diff()->set_size(layer.size);
  *apply.mutable_mounts() = prepared->mounts();
  const auto applied = api_.work(method::kApplyDiff, apply);
  runtime::Result<std::monostate> result;
  if (!applied) {
    result = tl::unexpected(fault_of(applied.error(), "unpack a layer"));
  } else if (applied->applied().digest() != diff_ids.back()) {
    result = tl::unexpected(Fault{
        FaultKind::kRefused, "the image: layer " + layer.digest + " is not what its config says"});
  } else {
    wire::CommitSnapshotRequest commit;
    commit.set_snapshotter(place_.snapshotter);
    commit.set_key(key);
    commit.set_name(chain_id(diff_ids));
    const auto committed = api_.call(method::kCommitSnapshot, commit);
    if (committed) return std::monostate{};
    // Another errand was faster with the same layer.
    if (!is_answer(committed.error(), grpc::Code::kAlreadyExists)) {
      result = tl::unexpected(fault_of(committed.error(), "commit a layer"));
    }
  }
  wire::SnapshotKey made;
  made.set_snapshotter(place_.snapshotter);
  made.set_key(key);
  static_cast<void>(api_.call(method::kRemoveSnapshot, made));
  return result;
}

/// The config keeps the topmost snapshot, and that the ones below, for as long as an image keeps
/// the config.
runtime::Result<std::monostate> ImageStore::keep_snapshot(const Blob& config,
                                                          const std::string& chain) {
  if (chain.empty()) return std::monostate{};
  return label_content(config.digest,
                       {{"containerd.io/gc.ref.snapshot." + place_.snapshotter, chain}});
}

runtime::Result<std::monostate> ImageStore::label_content(
    const std::string& digest, const std::map<std::string, std::string>& labels) {
  wire::UpdateContentRequest request;
  request.mutable_info()->set_digest(digest);
  for (const auto& [label, value] : labels) {
    (*request.mutable_info()->mutable_labels())[label] = value;
    request.mutable_update_mask()->add_paths("labels." + label);
  }
  const auto reply = api_.call(method::kUpdateContent, request);
  if (!reply) return tl::unexpected(fault_of(reply.error(), "label the image"));
  return std::monostate{};
}

}  // namespace mayfly::containerd
