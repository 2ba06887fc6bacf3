#include "runtime/containerd/images/records.h"

#include <algorithm>
#include <set>
#include <utility>

#include "runtime/containerd/images/spelling.h"
#include "runtime/containerd/translate.h"
#include "runtime/oci/image.h"
#include "runtime/registry/reference.h"

namespace mayfly::containerd {
namespace {

using runtime::Fault;
using runtime::FaultKind;

constexpr int kRemovedMax = 256;  // of one call

wire::Image record_of(const std::string& name, const Blob& target) {
  wire::Image image;
  image.set_name(name);
  image.mutable_target()->set_media_type(target.media_type);
  image.mutable_target()->set_digest(target.digest);
  image.mutable_target()->set_size(target.size);
  return image;
}

}  // namespace

/// Not the label of containers: ctr gives a container the labels of its image.
std::string Records::label() const {
  return store_.owned().label + ".image";
}

bool Records::is_ours(const wire::Image& image) const {
  const auto found = image.labels().find(label());
  return found != image.labels().end() && found->second == store_.owned().value;
}

runtime::Result<std::monostate> Records::name(const Naming& naming, Taken taken) {
  auto reference = registry::parse_reference(naming.name);
  // Of "repository:tag@digest" the tag is what people look for; the digest names it below.
  const bool both = reference && !reference->tag.empty() && !reference->digest.empty();
  const auto name = both ? reference->repository() + ":" + reference->tag : naming.name;
  if (auto put_so = put(name, naming.target, taken); !put_so) return put_so;
  if (!reference) return std::monostate{};
  const auto kept = reference->repository() + "@" + naming.manifest.digest;
  if (kept == name) return std::monostate{};
  return put(kept, naming.manifest, Taken::kMoveOurs);
}

runtime::Result<std::monostate> Records::put(const std::string& name, const Blob& target,
                                             Taken taken) {
  wire::ImageRequest create;
  *create.mutable_image() = record_of(name, target);
  (*create.mutable_image()->mutable_labels())[label()] = store_.owned().value;
  const auto created = store_.api().call(method::kCreateImage, create);
  if (created) return std::monostate{};
  if (!is_answer(created.error(), grpc::Code::kAlreadyExists)) {
    return tl::unexpected(fault_of(created.error(), "name the image"));
  }
  if (taken == Taken::kLeave) return std::monostate{};
  return move(create.image(), taken);
}

runtime::Result<std::monostate> Records::move(const wire::Image& image, Taken taken) {
  if (taken == Taken::kMoveOurs) {
    wire::ImageName request;
    request.set_name(image.name());
    const auto there = store_.api().call(method::kGetImage, request);
    if (!there) return tl::unexpected(fault_of(there.error(), "look for the image"));
    const bool same = there->image().target().digest() == image.target().digest();
    if (same || !is_ours(there->image())) return std::monostate{};
  }
  wire::UpdateImageRequest update;
  *update.mutable_image() = image;
  update.mutable_update_mask()->add_paths("target");
  update.mutable_update_mask()->add_paths("labels." + label());
  const auto updated = store_.api().call(method::kUpdateImage, update);
  if (!updated) return tl::unexpected(fault_of(updated.error(), "rename the image"));
  return std::monostate{};
}

runtime::Result<std::vector<Records::Record>> Records::read_all() {
  const auto listed = store_.api().call(method::kListImages, wire::ListImagesRequest{});
  if (!listed) return tl::unexpected(fault_of(listed.error(), "list the images"));
  std::vector<Record> records;
  for (const auto& image : listed->images()) {
    Record record{image.name(), {}, false, is_ours(image), {}};
    record.image = {image.name(), image.target().digest(), 0};
    if (const auto reference = registry::parse_reference(image.name())) {
      record.repository = reference->repository();
      record.by_digest = reference->tag.empty();
    }
    // One that is not for this platform, or not whole, is listed by what is known of it.
    const auto& target = image.target();
    if (const auto resolved =
            store_.resolve({target.media_type(), target.digest(), target.size()})) {
      record.image = {image.name(), resolved->blob.digest, size_of(resolved->manifest)};
    }
    records.push_back(std::move(record));
  }
  return records;
}

runtime::Result<std::vector<runtime::Image>> Records::list() {
  const auto records = read_all();
  if (!records) return tl::unexpected(records.error());
  std::set<std::pair<std::string, std::string>> tagged;
  for (const auto& record : *records) {
    if (!record.by_digest) tagged.emplace(record.repository, record.image.digest);
  }
  std::vector<runtime::Image> images;
  for (const auto& record : *records) {
    if (record.by_digest && tagged.contains({record.repository, record.image.digest})) continue;
    images.push_back(record.image);
  }
  return images;
}

/// Of a name: it, and the image's name by digest unless another tag means the same image. Of a
/// digest alone: all its names.
runtime::Result<std::monostate> Records::remove(const runtime::ImageWanted& wanted) {
  auto records = read_all();
  if (!records) return tl::unexpected(records.error());
  const bool digest_alone = oci::is_digest(wanted.name) || wanted.name.empty();
  auto digest = wanted.digest.empty() && digest_alone ? wanted.name : wanted.digest;
  const auto names = spellings(wanted.name);
  const auto named = std::ranges::find_if(*records, [&](const Record& record) {
    return std::ranges::find(names, record.name) != names.end() &&
           (digest.empty() || record.image.digest == digest);
  });
  if (digest.empty() && named != records->end()) digest = named->image.digest;
  const auto reference = registry::parse_reference(wanted.name);
  const auto repository = reference ? reference->repository() : std::string();
  const bool has_other_tag = std::ranges::any_of(*records, [&](const Record& record) {
    return record.ours && !record.by_digest && record.repository == repository &&
           record.image.digest == digest && std::ranges::find(names, record.name) == names.end();
  });
  std::vector<Record> chosen;
  for (const auto& record : *records) {
    const bool same = !digest.empty() && record.image.digest == digest;
    const bool by_name = std::ranges::find(names, record.name) != names.end();
    const bool kept_name = record.by_digest && record.repository == repository && !has_other_tag;
    if (same && (digest_alone || by_name || kept_name)) chosen.push_back(record);
  }
  if (digest_alone) std::erase_if(chosen, [](const Record& record) { return !record.ours; });
  if (chosen.empty()) {
    return tl::unexpected(
        Fault{FaultKind::kNotFound, "no image \"" + (wanted.name.empty() ? digest : wanted.name) +
                                        "\" that this node has named in containerd"});
  }
  return remove_all(chosen);
}

runtime::Result<std::monostate> Records::remove_all(const std::vector<Record>& records) {
  const auto& digest = records.front().image.digest;
  const auto used = is_used(digest);
  if (!used) return tl::unexpected(used.error());
  if (*used) {
    return tl::unexpected(Fault{FaultKind::kRefused, "a container needs the image " + digest});
  }
  int left = kRemovedMax;
  for (const auto& record : records) {
    if (!record.ours) {
      return tl::unexpected(
          Fault{FaultKind::kRefused, record.name + ": others than this node have put it there"});
    }
    if (--left < 0) break;
    wire::DeleteImageRequest request;
    request.set_name(record.name);
    request.set_sync(&record == &records.back());  // then the bytes go, once for all names
    const auto removed = store_.api().work(method::kDeleteImage, request);
    if (!removed && !is_answer(removed.error(), grpc::Code::kNotFound)) {
      return tl::unexpected(fault_of(removed.error(), "remove the image"));
    }
  }
  return std::monostate{};
}

runtime::Result<bool> Records::is_used(const std::string& digest) {
  wire::ListContainersRequest request;
  request.add_filters(owned_filter(store_.owned()));
  bool used = false;
  const auto end = store_.api().stream<wire::ListContainersRequest, wire::ContainerListed>(
      method::kListContainers, request, [&](const wire::ContainerListed& listed) {
        used = used || listed.container().image() == digest;
        return !used;
      });
  if (!end && !used) return tl::unexpected(fault_of(end.error(), "list the containers"));
  return used;
}

}  // namespace mayfly::containerd
