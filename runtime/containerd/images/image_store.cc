#include "runtime/containerd/images/image_store.h"

#include <random>

#include "runtime/containerd/images/lease.h"
#include "runtime/containerd/images/spelling.h"
#include "runtime/containerd/images/view.h"
#include "runtime/containerd/translate.h"
#include "runtime/oci/digest.h"

namespace mayfly::containerd {
namespace {

using runtime::Fault;
using runtime::FaultKind;

tl::unexpected<Fault> refused(std::string why) {
  return tl::unexpected(Fault{FaultKind::kRefused, std::move(why)});
}

template <class Reply>
tl::unexpected<Fault> fault(const tl::expected<Reply, grpc::Failure>& reply, const char* doing) {
  return tl::unexpected(fault_of(reply.error(), doing));
}

Blob blob_of(const wire::Descriptor& descriptor) {
  return {descriptor.media_type(), descriptor.digest(), descriptor.size()};
}

}  // namespace

std::string random_word() {
  std::random_device random;
  return std::to_string((std::uint64_t{random()} << 32) | random());
}

std::uint64_t size_of(const Manifest& manifest) {
  std::uint64_t bytes = 0;
  for (const auto& layer : manifest.layers) bytes += static_cast<std::uint64_t>(layer.size);
  return bytes;
}

runtime::Result<PreparedImage> ImageStore::prepare(const std::string& name) {
  const auto target = find(name);
  if (!target) return tl::unexpected(target.error());
  auto resolved = resolve(*target);
  if (!resolved) return tl::unexpected(resolved.error());
  PreparedImage prepared;
  prepared.chain_id = oci::chain_id(resolved->config.diff_ids);
  const auto there = has_snapshot(prepared.chain_id);
  if (!there) return tl::unexpected(there.error());
  const Lease lease(*this);
  if (lease.fault()) return tl::unexpected(*lease.fault());
  if (!*there) {
    if (const auto unpacked = unpack(*resolved); !unpacked) {
      return tl::unexpected(unpacked.error());
    }
  }
  prepared.accounts = read_accounts(prepared.chain_id);
  prepared.image = {name, resolved->blob.digest, size_of(resolved->manifest)};
  prepared.config = std::move(resolved->config);
  return prepared;
}

runtime::Result<runtime::Image> ImageStore::look_up(const std::string& name) {
  const auto target = find(name);
  if (!target) return tl::unexpected(target.error());
  const auto resolved = resolve(*target);
  if (!resolved) return tl::unexpected(resolved.error());
  return runtime::Image{name, resolved->blob.digest, size_of(resolved->manifest)};
}

runtime::Result<Blob> ImageStore::find(const std::string& name) {
  if (oci::is_digest(name)) return find_by_digest(name);
  for (const auto& spelling : spellings(name)) {
    wire::ImageName request;
    request.set_name(spelling);
    const auto reply = api_.call(method::kGetImage, request);
    if (reply) return blob_of(reply->image().target());
    if (!is_answer(reply.error(), grpc::Code::kNotFound)) return fault(reply, "look for the image");
  }
  return tl::unexpected(Fault{FaultKind::kNotFound, "no image \"" + name + "\" in containerd"});
}

/// An image's record may name an index; the digest that we were given out is of its manifest.
runtime::Result<Blob> ImageStore::find_by_digest(const std::string& digest) {
  wire::ContentDigest request;
  request.set_digest(digest);
  const auto info = api_.call(method::kContentInfo, request);
  if (info) return Blob{"", digest, info->info().size()};
  if (!is_answer(info.error(), grpc::Code::kNotFound)) return fault(info, "look for the image");
  return tl::unexpected(Fault{FaultKind::kNotFound, "no image " + digest + " in containerd"});
}

runtime::Result<std::string> ImageStore::read(const Blob& blob) {
  if (blob.size > oci::kDocumentBytesMax)
    return refused("the image: " + blob.digest + " is too large");
  wire::ReadContentRequest request;
  request.set_digest(blob.digest);
  std::string bytes;
  const auto take = [&](const wire::ContentRead& part) {
    bytes += part.data();
    return bytes.size() <= static_cast<std::size_t>(oci::kDocumentBytesMax);
  };
  const auto end =
      api_.stream<wire::ReadContentRequest, wire::ContentRead>(method::kReadContent, request, take);
  if (!end && is_answer(end.error(), grpc::Code::kNotFound)) {
    return tl::unexpected(
        Fault{FaultKind::kNotFound, "the image is not whole: " + blob.digest + " is missing"});
  }
  if (!end) return tl::unexpected(fault_of(end.error(), "read the image"));
  if (oci::sha256_digest(bytes) != blob.digest) {
    return refused("the image: " + blob.digest + " is not what is stored under this digest");
  }
  return bytes;
}

runtime::Result<ImageStore::Resolved> ImageStore::resolve(Blob target) {
  constexpr int kIndexesMax = 3;  // an index may name an index
  for (int depth = 0; depth < kIndexesMax; ++depth) {
    const auto bytes = read(target);
    if (!bytes) return tl::unexpected(bytes.error());
    auto parsed = oci::parse_manifest(*bytes, oci::host_architecture());
    if (!parsed) return refused(parsed.error());
    if (const auto* choice = std::get_if<oci::Choice>(&*parsed)) {
      target = choice->manifest;
      continue;
    }
    Resolved resolved{target, std::get<Manifest>(std::move(*parsed)), {}};
    const auto config_bytes = read(resolved.manifest.config);
    if (!config_bytes) return tl::unexpected(config_bytes.error());
    auto config = oci::parse_image_config(*config_bytes);
    if (!config) return refused(config.error());
    if (config->architecture != oci::host_architecture()) {
      return refused("the image is for " + config->architecture + ", not for this machine");
    }
    if (config->diff_ids.size() != resolved.manifest.layers.size()) {
      return refused("the image's config and manifest differ in their number of layers");
    }
    resolved.config = std::move(*config);
    return resolved;
  }
  return refused("the image's index leads from index to index");
}

runtime::Result<bool> ImageStore::has_snapshot(const std::string& key) {
  if (key.empty()) return true;
  wire::SnapshotKey request;
  request.set_snapshotter(place_.snapshotter);
  request.set_key(key);
  const auto reply = api_.call(method::kStatSnapshot, request);
  if (reply) return true;
  if (is_answer(reply.error(), grpc::Code::kNotFound)) return false;
  return fault(reply, "look for the image's snapshot");
}

oci::Accounts ImageStore::read_accounts(const std::string& chain) {
  if (chain.empty()) return {};
  const auto key = "mayfly-view-" + random_word();
  wire::PrepareSnapshotRequest request;
  request.set_snapshotter(place_.snapshotter);
  request.set_key(key);
  request.set_parent(chain);
  (*request.mutable_labels())[place_.owned.label] = place_.owned.value;
  const auto view = api_.call(method::kViewSnapshot, request);
  // Without them, users can still be given as numbers; a name will say that it is not known.
  if (!view) return {};
  auto accounts = accounts_in(view->mounts());
  wire::SnapshotKey made;
  made.set_snapshotter(place_.snapshotter);
  made.set_key(key);
  static_cast<void>(api_.call(method::kRemoveSnapshot, made));
  return accounts;
}

}  // namespace mayfly::containerd
