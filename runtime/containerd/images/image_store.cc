#include "runtime/containerd/images/image_store.h"

#include <array>
#include <ctime>
#include <random>

#include "runtime/containerd/images/spelling.h"
#include "runtime/containerd/images/view.h"
#include "runtime/containerd/translate.h"
#include "runtime/oci/digest.h"

namespace mayfly::containerd {
namespace {

using runtime::Fault;
using runtime::FaultKind;

constexpr std::time_t kLeaseSeconds = 3600;
constexpr const char* kLease = "mayfly-image";

std::string random_word() {
  std::random_device random;
  return std::to_string((std::uint64_t{random()} << 32) | random());
}

/// What the keys of this run begin with.
std::string run_prefix(const std::string& what) {
  static const std::string run = random_word();
  return what + "-" + run + "-";
}

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

std::string rfc3339(std::time_t time) {
  std::tm utc{};
  gmtime_r(&time, &utc);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text.data();
}

}  // namespace

std::string ImageStore::unique_key(const std::string& what) {
  return run_prefix(what) + random_word();
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
  prepared.image = {name, resolved->blob.digest, 0};
  for (const auto& layer : resolved->manifest.layers) {
    prepared.image.size_bytes += static_cast<std::uint64_t>(layer.size);
  }
  prepared.config = std::move(resolved->config);
  return prepared;
}

runtime::Result<std::vector<runtime::Image>> ImageStore::list() {
  const auto listed = api_.call(method::kListImages, wire::ListImagesRequest{});
  if (!listed) return fault(listed, "list the images");
  std::vector<runtime::Image> images;
  for (const auto& image : listed->images()) {
    runtime::Image entry{image.name(), image.target().digest(), 0};
    // One that is not for this platform, or not whole, is listed by what is known of it.
    if (const auto resolved = resolve(blob_of(image.target()))) {
      entry.digest = resolved->blob.digest;
      for (const auto& layer : resolved->manifest.layers) {
        entry.size_bytes += static_cast<std::uint64_t>(layer.size);
      }
    }
    images.push_back(std::move(entry));
  }
  return images;
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
    return refused("the image is not whole: " + blob.digest + " is missing");
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
  request.set_snapshotter(snapshotter_);
  request.set_key(key);
  const auto reply = api_.call(method::kStatSnapshot, request);
  if (reply) return true;
  if (is_answer(reply.error(), grpc::Code::kNotFound)) return false;
  return fault(reply, "look for the image's snapshot");
}

runtime::Result<std::monostate> ImageStore::drop_old_leases() {
  wire::ListLeasesRequest request;
  request.add_filters(owned_filter(owned_));
  const auto listed = api_.call(method::kListLeases, request);
  if (!listed) return fault(listed, "list the leases");
  for (const auto& lease : listed->leases()) {
    if (lease.id().starts_with(run_prefix(kLease))) continue;
    wire::LeaseId old;
    old.set_id(lease.id());
    const auto dropped = api_.call(method::kDeleteLease, old);
    if (!dropped) return fault(dropped, "end an old lease");
  }
  return std::monostate{};
}

ImageStore::Lease::Lease(ImageStore& store) : store_(store), id_(unique_key(kLease)) {
  wire::CreateLeaseRequest request;
  request.set_id(id_);
  request.mutable_labels()->insert({store.owned_.label, store.owned_.value});
  request.mutable_labels()->insert(
      {"containerd.io/gc.expire", rfc3339(std::time(nullptr) + kLeaseSeconds)});
  if (const auto reply = store.api_.call(method::kCreateLease, request); !reply) {
    fault_ = fault_of(reply.error(), "create a lease");
    return;
  }
  store.api_.use_lease(id_);
}

ImageStore::Lease::~Lease() {
  store_.api_.use_lease({});
  wire::LeaseId request;
  request.set_id(id_);
  // Unanswered, it expires.
  static_cast<void>(store_.api_.call(method::kDeleteLease, request));
}

oci::Accounts ImageStore::read_accounts(const std::string& chain) {
  if (chain.empty()) return {};
  const auto key = unique_key("mayfly-view");
  wire::PrepareSnapshotRequest request;
  request.set_snapshotter(snapshotter_);
  request.set_key(key);
  request.set_parent(chain);
  (*request.mutable_labels())[owned_.label] = owned_.value;
  const auto view = api_.call(method::kViewSnapshot, request);
  // Without them, users can still be given as numbers; a name will say that it is not known.
  if (!view) return {};
  auto accounts = accounts_in(view->mounts());
  wire::SnapshotKey made;
  made.set_snapshotter(snapshotter_);
  made.set_key(key);
  static_cast<void>(api_.call(method::kRemoveSnapshot, made));
  return accounts;
}

}  // namespace mayfly::containerd
