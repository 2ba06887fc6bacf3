#include "runtime/archive/plan.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "runtime/oci/digest.h"
#include "runtime/registry/reference.h"

namespace mayfly::archive {
namespace {

using nlohmann::json;
using oci::Manifest;
using oci::sha256_digest;

constexpr std::size_t kImagesMax = 64;
constexpr std::size_t kNamesMax = 64;
constexpr std::size_t kNameBytesMax = 255;
constexpr int kLinksMax = 8;
constexpr int kIndexesMax = 3;

template <class T>
using Expected = tl::expected<T, std::string>;

tl::unexpected<std::string> wrong(std::string why) {
  return tl::unexpected(std::move(why));
}

std::string text(const json& object, const char* key) {
  if (!object.is_object()) return {};
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

const json& list(const json& object, const char* key) {
  static const json kEmpty = json::array();
  if (!object.is_object()) return kEmpty;
  const auto found = object.find(key);
  return found != object.end() && found->is_array() ? *found : kEmpty;
}

bool is_name(const std::string& name) {
  return !name.empty() && name.size() <= kNameBytesMax &&
         std::ranges::all_of(name, [](unsigned char byte) { return byte > 0x20 && byte < 0x7f; });
}

/// Completed, where it is a name of the usual kind.
std::string full_name(const std::string& name) {
  const auto reference = registry::parse_reference(name);
  return reference ? reference->text() : name;
}

/// Where a link in an old `docker save` leads: "id/layer.tar" → "../other/layer.tar".
std::string beside(const std::string& entry, const std::string& target) {
  if (!target.starts_with("../")) return target;
  const auto slash = entry.find('/');
  return slash == std::string::npos ? target : target.substr(3);
}

Expected<std::string> find_file(const Contents& contents, std::string entry) {
  for (int links = 0; links < kLinksMax; ++links) {
    if (contents.files.contains(entry)) return entry;
    const auto link = contents.links.find(entry);
    if (link == contents.links.end()) break;
    entry = beside(entry, link->second);
  }
  return wrong("\"" + entry.substr(0, kNameBytesMax) + "\" is not in it");
}

Expected<std::string> find_document(const Contents& contents, const std::string& entry) {
  const auto file = find_file(contents, entry);
  if (!file) return file;
  const auto document = contents.documents.find(*file);
  if (document != contents.documents.end()) return document->second;
  return wrong("\"" + *file + "\" is no JSON document");
}

std::string entry_of(const std::string& digest) {
  return "blobs/sha256/" + digest.substr(digest.find(':') + 1);
}

/// A document by its digest, and it is what the digest says.
Expected<std::string> find_blob(const Contents& contents, const std::string& digest) {
  if (!oci::is_digest(digest)) return wrong("it names a blob by no sha256 digest");
  auto document = find_document(contents, entry_of(digest));
  if (document && sha256_digest(*document) != digest) return wrong(digest + " is not what it says");
  return document;
}

Expected<PlannedImage> begin_image(std::string config) {
  PlannedImage image;
  auto parsed = oci::parse_image_config(config);
  if (!parsed) return wrong(parsed.error());
  if (parsed->architecture != oci::host_architecture()) {
    return wrong("the image is for " + parsed->architecture + ", not for this machine");
  }
  image.config = std::move(config);
  image.parsed_config = std::move(*parsed);
  return image;
}

Expected<std::monostate> add_layer(PlannedImage& image, PlannedLayer layer) {
  const auto at = image.layers.size();
  if (at >= image.parsed_config.diff_ids.size()) return wrong("more layers than its config names");
  layer.diff_id = image.parsed_config.diff_ids[at];
  image.layers.push_back(std::move(layer));
  return std::monostate{};
}

Expected<PlannedImage> end_image(PlannedImage image) {
  if (image.layers.size() == image.parsed_config.diff_ids.size()) return image;
  return wrong("fewer layers than its config names");
}

// ---- docker save
// ----------------------------------------------------------------------------------

Expected<PlannedImage> plan_docker_image(const Contents& contents, const json& entry) {
  auto config = find_document(contents, text(entry, "Config"));
  if (!config) return wrong(config.error());
  auto image = begin_image(std::move(*config));
  if (!image) return image;
  for (const auto& layer : list(entry, "Layers")) {
    if (!layer.is_string()) return wrong("manifest.json names a layer that is no string");
    const auto file = find_file(contents, layer.get<std::string>());
    if (!file) return wrong(file.error());
    if (const auto added = add_layer(*image, {*file, {}, {}}); !added) return wrong(added.error());
  }
  for (const auto& tag : list(entry, "RepoTags")) {
    if (tag.is_string()) image->names.push_back(tag.get<std::string>());
  }
  return end_image(std::move(*image));
}

// ---- OCI layout
// -----------------------------------------------------------------------------------

/// Follows an index to the manifest for this platform.
Expected<std::pair<std::string, Manifest>> find_manifest(const Contents& contents,
                                                         std::string digest) {
  for (int depth = 0; depth < kIndexesMax; ++depth) {
    const auto document = find_blob(contents, digest);
    if (!document) return wrong(document.error());
    auto parsed = oci::parse_manifest(*document, oci::host_architecture());
    if (!parsed) return wrong(parsed.error());
    if (auto* manifest = std::get_if<Manifest>(&*parsed)) return std::pair{*document, *manifest};
    digest = std::get<oci::Choice>(*parsed).manifest.digest;
  }
  return wrong("the image's index leads from index to index");
}

void read_oci_name(const json& descriptor, PlannedImage& image) {
  const auto annotations = descriptor.find("annotations");
  if (annotations == descriptor.end()) return;
  auto name = text(*annotations, "io.containerd.image.name");
  if (name.empty()) name = text(*annotations, "org.opencontainers.image.ref.name");
  // The latter is often the tag alone, which names no image.
  if (name.find_first_of("/:") != std::string::npos) image.names.push_back(std::move(name));
}

Expected<PlannedImage> plan_oci_image(const Contents& contents, const json& descriptor) {
  auto found = find_manifest(contents, text(descriptor, "digest"));
  if (!found) return wrong(found.error());
  auto& [document, manifest] = *found;
  auto config = find_blob(contents, manifest.config.digest);
  if (!config) return wrong(config.error());
  auto image = begin_image(std::move(*config));
  if (!image) return image;
  image->manifest = std::move(document);
  for (auto& layer : manifest.layers) {
    const auto file = find_file(contents, entry_of(layer.digest));
    if (!file) return wrong(file.error());
    if (const auto added = add_layer(*image, {*file, {}, layer}); !added) {
      return wrong(added.error());
    }
  }
  read_oci_name(descriptor, *image);
  return end_image(std::move(*image));
}

bool is_for_another_platform(const json& descriptor) {
  const auto platform = descriptor.find("platform");
  if (platform == descriptor.end()) return false;
  return text(*platform, "os") != "linux" ||
         text(*platform, "architecture") != oci::host_architecture();
}

// -------------------------------------------------------------------------------------------------

Expected<std::monostate> set_names(std::vector<PlannedImage>& images,
                                   const std::optional<std::string>& name) {
  if (name && images.size() > 1) return wrong("it holds several images; they cannot share a name");
  for (auto& image : images) {
    if (name) image.names = {*name};
    if (image.names.empty()) return wrong("it names no image, and no name is given");
    if (image.names.size() > kNamesMax || !std::ranges::all_of(image.names, is_name)) {
      return wrong("a name in it is no image name");
    }
    for (auto& one : image.names) one = full_name(one);
  }
  return std::monostate{};
}

using Plan = Expected<PlannedImage> (*)(const Contents&, const json&);

Expected<std::vector<PlannedImage>> plan_all(const Contents& contents, const json& entries,
                                             Plan plan) {
  std::vector<PlannedImage> images;
  if (entries.size() > kImagesMax) return wrong("it holds too many images");
  for (const auto& entry : entries) {
    if (!entry.is_object()) return wrong("its list of images holds what is no object");
    if (plan == plan_oci_image && is_for_another_platform(entry)) continue;
    auto image = plan(contents, entry);
    if (!image) return wrong(image.error());
    images.push_back(std::move(*image));
  }
  if (images.empty()) return wrong("it holds no image for this machine");
  return images;
}

}  // namespace

Expected<std::vector<PlannedImage>> plan_import(const Contents& contents,
                                                const std::optional<std::string>& name) {
  const auto parse = [&](const char* entry) {
    const auto found = contents.documents.find(entry);
    return found == contents.documents.end() ? json() : json::parse(found->second, nullptr, false);
  };
  Expected<std::vector<PlannedImage>> images;
  // Docker from 25 on writes both; the layout's digests are the ones that registries know.
  if (const auto index = parse("index.json"); index.is_object()) {
    images = plan_all(contents, list(index, "manifests"), plan_oci_image);
  } else if (const auto manifest = parse("manifest.json"); manifest.is_array()) {
    images = plan_all(contents, manifest, plan_docker_image);
  } else {
    return wrong("it is neither an OCI layout nor what `docker save` writes");
  }
  if (!images) return images;
  if (const auto named = set_names(*images, name); !named) return wrong(named.error());
  return images;
}

}  // namespace mayfly::archive
