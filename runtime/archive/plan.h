// What is to be imported from an image archive: worked out of its documents alone (`docker save`'s
// manifest.json, or an OCI layout's index.json), which anybody may have written. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "runtime/oci/image.h"
#include "runtime/oci/manifest.h"

namespace mayfly::archive {

/// What a first look at the archive kept of it.
struct Contents {
  std::map<std::string, std::string> documents;  ///< by entry name: what looks like JSON
  std::map<std::string, std::int64_t> files;     ///< every plain file's size
  std::map<std::string, std::string> links;      ///< entry name → entry name
};

struct PlannedLayer {
  std::string entry;              ///< the file in the archive
  std::string diff_id;            ///< of its uncompressed bytes, by the config
  std::optional<oci::Blob> blob;  ///< what the manifest says of it; none: it is to be found out
};

struct PlannedImage {
  std::vector<std::string> names;       ///< full
  std::string config;                   ///< the document
  std::optional<std::string> manifest;  ///< the document; none: it is to be written
  std::vector<PlannedLayer> layers;     ///< lowest first
  oci::ImageConfig parsed_config;
};

/// `name`, when given, replaces the names that the archive has. Error: one line.
[[nodiscard]] tl::expected<std::vector<PlannedImage>, std::string> plan_import(
    const Contents& contents, const std::optional<std::string>& name);

}  // namespace mayfly::archive
