#include "runtime/containerd/images/import.h"

#include <nlohmann/json.hpp>
#include <set>

#include "runtime/archive/look.h"
#include "runtime/archive/plan.h"
#include "runtime/archive/tar_file.h"
#include "runtime/containerd/images/lease.h"
#include "runtime/containerd/images/records.h"
#include "runtime/containerd/images/upload.h"
#include "runtime/containerd/translate.h"
#include "runtime/oci/digest.h"

namespace mayfly::containerd {
namespace {

using archive::PlannedImage;
using archive::TarEntry;
using archive::TarFile;
using nlohmann::json;
using oci::sha256_digest;
using runtime::Fault;
using runtime::FaultKind;
using runtime::Result;

class Import {
 public:
  Import(ImageStore& store, std::string file) : store_(store), file_(std::move(file)) {}

  Result<std::vector<runtime::Image>> run(const std::optional<std::string>& name) {
    const auto contents = archive::look(file_, [this] { return store_.api().stopped(); });
    if (!contents) return refused(contents.error());
    auto plan = archive::plan_import(*contents, name);
    if (!plan) return refused(plan.error());
    const Lease lease(store_);
    if (lease.fault()) return tl::unexpected(*lease.fault());
    if (const auto stored = store_layers(*plan); !stored) return tl::unexpected(stored.error());
    std::vector<runtime::Image> images;
    for (const auto& planned : *plan) {
      auto made = make_image(planned);
      if (!made) return tl::unexpected(made.error());
      images.insert(images.end(), made->begin(), made->end());
    }
    return images;
  }

 private:
  using Step = Result<std::monostate>;

  tl::unexpected<Fault> refused(const std::string& why) const {
    return tl::unexpected(Fault{FaultKind::kRefused, file_ + ": " + why});
  }

  TarFile open() {
    return TarFile(file_, [this] { return store_.api().stopped(); });
  }

  /// The second pass: the layers that the plan names, as they come.
  Step store_layers(const std::vector<PlannedImage>& plan) {
    std::set<std::string> wanted;
    for (const auto& image : plan) {
      for (const auto& layer : image.layers) wanted.insert(layer.entry);
    }
    auto tar = open();
    TarEntry entry;
    while (!wanted.empty()) {
      const auto next = tar.next(entry);
      if (!next) return refused(next.error());
      if (*next == TarFile::Next::kEnd) return refused("it has changed while it was read");
      if (!entry.plain || wanted.erase(entry.name) == 0) continue;
      if (const auto stored = store_layer(tar, entry.name); !stored) return stored;
    }
    return std::monostate{};
  }

  Step store_layer(TarFile& tar, const std::string& entry) {
    Upload upload(store_.api());
    oci::Sha256 hash;
    Blob blob;
    std::optional<Fault> fault;
    const auto read = tar.read([&](std::string_view piece) -> tl::expected<void, std::string> {
      if (blob.size == 0) blob.media_type = layer_type(piece);
      hash.add(piece);
      blob.size += static_cast<std::int64_t>(piece.size());
      const auto written = upload.write(piece);
      if (written) return {};
      fault = written.error();
      return tl::unexpected(fault->what);
    });
    if (fault) return tl::unexpected(*fault);
    if (!read) return refused(read.error());
    if (blob.size == 0) return refused("a layer is empty: " + entry);
    blob.digest = hash.digest();
    stored_[entry] = blob;
    return upload.commit(blob.digest, {});
  }

  static std::string layer_type(std::string_view first_bytes) {
    return first_bytes.starts_with("\x1f\x8b") ? oci::media::kDockerLayerGzip
                                               : oci::media::kDockerLayer;
  }

  Result<std::vector<runtime::Image>> make_image(const PlannedImage& planned) {
    ImageStore::Resolved resolved;
    resolved.config = planned.parsed_config;
    resolved.manifest.config = {oci::media::kDockerConfig, sha256_digest(planned.config),
                                static_cast<std::int64_t>(planned.config.size())};
    std::uint64_t size = 0;
    for (const auto& layer : planned.layers) {
      const auto& stored = stored_.at(layer.entry);
      if (layer.blob && layer.blob->digest != stored.digest) {
        return refused("layer " + layer.blob->digest + " is not what it says");
      }
      resolved.manifest.layers.push_back(layer.blob ? *layer.blob : stored);
      size += static_cast<std::uint64_t>(stored.size);
    }
    const auto manifest = planned.manifest ? *planned.manifest : write_manifest(resolved.manifest);
    resolved.blob = {planned.manifest ? oci::media::kOciManifest : oci::media::kDockerManifest,
                     sha256_digest(manifest), static_cast<std::int64_t>(manifest.size())};
    if (const auto stored = store_documents(resolved, planned.config, manifest); !stored) {
      return tl::unexpected(stored.error());
    }
    if (const auto unpacked = store_.unpack(resolved); !unpacked) {
      return tl::unexpected(unpacked.error());
    }
    std::vector<runtime::Image> images;
    for (const auto& name : planned.names) {
      const auto named =
          Records(store_).name({name, resolved.blob, resolved.blob}, Records::Taken::kMove);
      if (!named) {
        return tl::unexpected(named.error());
      }
      images.push_back({name, resolved.blob.digest, size});
    }
    return images;
  }

  static std::string write_manifest(const Manifest& manifest) {
    const auto descriptor = [](const Blob& blob) {
      return json{{"mediaType", blob.media_type}, {"digest", blob.digest}, {"size", blob.size}};
    };
    json layers = json::array();
    for (const auto& layer : manifest.layers) layers.push_back(descriptor(layer));
    return json{{"schemaVersion", 2},
                {"mediaType", oci::media::kDockerManifest},
                {"config", descriptor(manifest.config)},
                {"layers", layers}}
        .dump();
  }

  /// The manifest's labels keep what it names, the image's record keeps the manifest.
  Step store_documents(const ImageStore::Resolved& image, const std::string& config,
                       const std::string& manifest) {
    Upload::Labels labels{{"containerd.io/gc.ref.content.config", image.manifest.config.digest}};
    for (std::size_t at = 0; at < image.manifest.layers.size(); ++at) {
      labels["containerd.io/gc.ref.content.l." + std::to_string(at)] =
          image.manifest.layers[at].digest;
    }
    auto& api = store_.api();
    if (auto stored = upload_document(api, image.manifest.config, config, {}); !stored) {
      return stored;
    }
    if (auto stored = upload_document(api, image.blob, manifest, labels); !stored) return stored;
    return store_.label_content(image.blob.digest, labels);  // it may have been there without
  }

  ImageStore& store_;
  std::string file_;
  std::map<std::string, Blob> stored_;  ///< layers, by entry
};

}  // namespace

Result<std::vector<runtime::Image>> import_archive(ImageStore& store, const std::string& file,
                                                   const std::optional<std::string>& name) {
  return Import(store, file).run(name);
}

}  // namespace mayfly::containerd
