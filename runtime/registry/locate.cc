#include "runtime/registry/locate.h"

#include <utility>

#include "runtime/oci/image.h"

namespace mayfly::registry {
namespace {

constexpr int kIndexesMax = 3;  // an index may name an index

tl::unexpected<runtime::Fault> refused(const Client& client, const std::string& why) {
  return tl::unexpected(
      runtime::Fault{runtime::FaultKind::kRefused, client.reference().text() + ": " + why});
}

}  // namespace

Found Located::found() const {
  Found found{manifest.blob.digest, 0};
  for (const auto& layer : parsed.layers) {
    found.size_bytes += static_cast<std::uint64_t>(layer.size);
  }
  return found;
}

runtime::Result<Located> locate(Client& client, const std::string& version) {
  Located located;
  auto wanted = version;
  std::optional<std::int64_t> size;  // as the index says
  for (int depth = 0; depth < kIndexesMax; ++depth) {
    auto document = client.manifest(wanted);
    if (!document) return tl::unexpected(std::move(document.error()));
    if (size && document->blob.size != *size) {
      return refused(client, wanted + " is not of the size that its index says");
    }
    auto parsed = oci::parse_manifest(document->bytes, oci::host_architecture());
    if (!parsed) return refused(client, parsed.error());
    if (auto* manifest = std::get_if<oci::Manifest>(&*parsed)) {
      if (document->blob.media_type.empty()) document->blob.media_type = oci::media::kOciManifest;
      located.manifest = std::move(*document);
      located.parsed = std::move(*manifest);
      return located;
    }
    const auto& chosen = std::get<oci::Choice>(*parsed).manifest;
    wanted = chosen.digest;
    size = chosen.size;
    if (!located.index) located.index = std::move(*document);
  }
  return refused(client, "its index leads from index to index");
}

}  // namespace mayfly::registry
