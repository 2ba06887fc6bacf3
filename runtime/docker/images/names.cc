#include "runtime/docker/images/names.h"

#include <algorithm>

#include "runtime/http/request.h"

namespace mayfly::docker {
namespace {

/// The digest part of "host/path@sha256:…" where it is of this repository; "" otherwise.
std::string digest_under(const std::string& pinned, const registry::Reference& reference) {
  const auto parsed = registry::parse_reference(pinned);
  const bool is_same = parsed && parsed->repository() == reference.repository();
  return is_same ? parsed->digest : std::string();
}

}  // namespace

tl::expected<Names, std::string> names_of(const runtime::ImageWanted& wanted) {
  Names names;
  names.digest = wanted.digest;
  if (!names.digest.empty() && !oci::is_digest(names.digest)) {
    return tl::unexpected("not a digest: " + one_line(names.digest));
  }
  if (oci::is_digest(wanted.name)) {
    if (names.digest.empty()) names.digest = wanted.name;
    return names;
  }
  if (wanted.name.empty() && !names.digest.empty()) return names;
  auto reference = registry::parse_reference(wanted.name);
  if (!reference) return tl::unexpected(std::move(reference.error()));
  if (names.digest.empty()) names.digest = reference->digest;
  names.reference = std::move(*reference);
  return names;
}

std::vector<std::string> spellings(const Names& names) {
  if (names.digest.empty()) return {names.reference->text()};
  if (!names.reference) return {names.digest};
  return {names.pinned(), names.digest};
}

bool is_it(const LocalImage& image, const Names& names) {
  if (names.digest.empty() || image.id == names.digest) return true;
  return std::ranges::any_of(image.digests, [&](const std::string& pinned) {
    return pinned.ends_with("@" + names.digest);
  });
}

std::string digest_of(const LocalImage& image, const Names& names) {
  if (!names.digest.empty() || !names.reference) return names.digest;
  for (const auto& pinned : image.digests) {
    if (auto digest = digest_under(pinned, *names.reference); !digest.empty()) return digest;
  }
  return image.id;
}

std::string image_path(const std::string& spelling, const char* rest) {
  std::string path = "/images/";
  for (const char byte : spelling) {
    const bool is_plain = byte == '/' || byte == ':' || byte == '@';
    path += is_plain ? std::string(1, byte) : http::percent_encoded({&byte, 1});
  }
  return path + rest;
}

std::vector<runtime::Image> named_images(const LocalImage& image) {
  std::vector<runtime::Image> images;
  for (const auto& tag : image.tags) {
    // Podman has what it pulled by digest among the tags.
    if (tag.find('@') != std::string::npos) continue;
    const auto names = names_of({tag, {}, {}});
    if (names) images.push_back({tag, digest_of(image, *names), image.size_bytes});
  }
  if (!images.empty()) return images;
  for (const auto& pinned : image.digests) {
    images.push_back({pinned, pinned.substr(pinned.find('@') + 1), image.size_bytes});
  }
  return images;
}

}  // namespace mayfly::docker
