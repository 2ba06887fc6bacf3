#include "runtime/oci/manifest.h"

#include <nlohmann/json.hpp>
#include <optional>

#include "runtime/oci/digest.h"
#include "runtime/oci/image.h"

namespace mayfly::oci {
namespace {

using nlohmann::json;

std::string text(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::optional<Blob> blob(const json& object) {
  if (!object.is_object()) return std::nullopt;
  Blob blob{text(object, "mediaType"), text(object, "digest"), 0};
  const auto size = object.find("size");
  if (size == object.end() || !size->is_number_unsigned()) return std::nullopt;
  const auto bytes = size->get<std::uint64_t>();
  if (!is_digest(blob.digest) || bytes > std::uint64_t{1} << 50) return std::nullopt;
  blob.size = static_cast<std::int64_t>(bytes);
  return blob;
}

tl::unexpected<std::string> wrong(const std::string& why) {
  return tl::unexpected(why);
}

/// Of several the first, as registries order them; a variant ("v8") is not looked at on 64 bits.
tl::expected<std::variant<Manifest, Choice>, std::string> choose(const json& manifests,
                                                                 std::string_view architecture) {
  for (const auto& entry : manifests) {
    if (!entry.is_object()) continue;
    const auto platform = entry.find("platform");
    const bool named = platform != entry.end() && platform->is_object();
    const bool fits = !named || (text(*platform, "os") == "linux" &&
                                 text(*platform, "architecture") == architecture);
    // An index of one that names no platform, as `docker save` writes it: its config tells.
    if (!fits || (!named && manifests.size() > 1)) continue;
    const auto chosen = blob(entry);
    if (!chosen) return wrong("the image's index names a manifest without digest or size");
    return Choice{*chosen};
  }
  return wrong("the image is not for linux/" + std::string(architecture));
}

tl::expected<std::variant<Manifest, Choice>, std::string> read_manifest(const json& document) {
  const auto config = document.find("config");
  const auto layers = document.find("layers");
  if (config == document.end() || layers == document.end() || !layers->is_array()) {
    return wrong("the image's manifest is neither index nor manifest");
  }
  if (layers->size() > kLayersMax) return wrong("the image has too many layers");
  Manifest manifest;
  const auto config_blob = blob(*config);
  if (!config_blob) return wrong("the image's manifest names no config");
  manifest.config = *config_blob;
  for (const auto& layer : *layers) {
    const auto layer_blob = blob(layer);
    if (!layer_blob) return wrong("the image's manifest names a layer without digest or size");
    manifest.layers.push_back(*layer_blob);
  }
  return manifest;
}

}  // namespace

tl::expected<std::variant<Manifest, Choice>, std::string> parse_manifest(
    std::string_view bytes, std::string_view architecture) {
  const auto document = json::parse(bytes, nullptr, false);
  if (!document.is_object()) return wrong("the image's manifest is no JSON object");
  const auto manifests = document.find("manifests");
  if (manifests != document.end() && manifests->is_array()) return choose(*manifests, architecture);
  return read_manifest(document);
}

std::string chain_id(const std::vector<std::string>& diff_ids) {
  std::string chain;
  for (const auto& diff_id : diff_ids) {
    chain = chain.empty() ? diff_id : sha256_digest(chain + " " + diff_id);
  }
  return chain;
}

}  // namespace mayfly::oci
