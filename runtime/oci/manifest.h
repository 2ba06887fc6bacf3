// The documents between an image's name and its layers: index (or Docker's manifest list) and
// manifest. Pure readings of bytes that anybody may have written.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <variant>
#include <vector>

namespace mayfly::oci {

struct Blob {
  std::string media_type;
  std::string digest;
  std::int64_t size = 0;
};

struct Manifest {
  Blob config;
  std::vector<Blob> layers;  ///< lowest first
};

/// Which of an index's manifests is for this platform.
struct Choice {
  Blob manifest;
};

inline constexpr std::int64_t kDocumentBytesMax = 8 << 20;  ///< of an index, manifest or config
inline constexpr std::size_t kLayersMax = 512;

namespace media {
inline constexpr const char* kOciIndex = "application/vnd.oci.image.index.v1+json";
inline constexpr const char* kOciManifest = "application/vnd.oci.image.manifest.v1+json";
inline constexpr const char* kOciConfig = "application/vnd.oci.image.config.v1+json";
inline constexpr const char* kDockerList =
    "application/vnd.docker.distribution.manifest.list.v2+json";
inline constexpr const char* kDockerManifest =
    "application/vnd.docker.distribution.manifest.v2+json";
inline constexpr const char* kDockerConfig = "application/vnd.docker.container.image.v1+json";
inline constexpr const char* kDockerLayer = "application/vnd.docker.image.rootfs.diff.tar";
inline constexpr const char* kDockerLayerGzip = "application/vnd.docker.image.rootfs.diff.tar.gzip";
}  // namespace media

/// Tells an index from a manifest by what is in it. Error: one line.
[[nodiscard]] tl::expected<std::variant<Manifest, Choice>, std::string> parse_manifest(
    std::string_view json, std::string_view architecture);

/// The name of the snapshot that holds these layers on top of each other, as containerd's own
/// clients name it; "" for none.
[[nodiscard]] std::string chain_id(const std::vector<std::string>& diff_ids);

}  // namespace mayfly::oci
