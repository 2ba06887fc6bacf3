#include "runtime/archive/preface.h"

#include <cstdio>
#include <nlohmann/json.hpp>
#include <string_view>

#include "runtime/oci/digest.h"

namespace mayfly::archive {
namespace {

using nlohmann::json;

constexpr std::size_t kBlock = 512;

/// A field of a header: at most `size` bytes, the rest is zero already.
void put(std::string& header, std::size_t at, std::string_view text) {
  header.replace(at, text.size(), text);
}

std::string octal(std::size_t value, int digits) {
  char text[32];
  std::snprintf(text, sizeof text, "%0*zo", digits, value);
  return text;
}

/// POSIX ustar: name, mode, uid, gid, size, mtime, checksum, type, magic.
std::string header_of(std::string_view name, std::size_t size) {
  std::string header(kBlock, '\0');
  put(header, 0, name);
  put(header, 100, "0000644");
  put(header, 108, "0000000");
  put(header, 116, "0000000");
  put(header, 124, octal(size, 11));
  put(header, 136, "00000000000");
  put(header, 148, "        ");
  put(header, 156, "0");
  put(header, 257, "ustar");
  put(header, 263, "00");
  std::size_t sum = 0;
  for (const char byte : header) sum += static_cast<unsigned char>(byte);
  put(header, 148, octal(sum, 6) + '\0' + ' ');
  return header;
}

std::string entry_of(const std::string& digest) {
  return "blobs/sha256/" + digest.substr(digest.find(':') + 1);
}

}  // namespace

std::string docker_preface(const std::vector<PlannedImage>& images) {
  json manifest = json::array();
  for (const auto& image : images) {
    json layers = json::array();
    for (const auto& layer : image.layers) layers.push_back(layer.entry);
    manifest.push_back({{"Config", entry_of(oci::sha256_digest(image.config))},
                        {"RepoTags", image.names},
                        {"Layers", std::move(layers)}});
  }
  auto bytes = manifest.dump(-1, ' ', false, json::error_handler_t::replace);
  auto tar = header_of("manifest.json", bytes.size());
  bytes.resize((bytes.size() + kBlock - 1) / kBlock * kBlock);
  return tar + bytes;
}

}  // namespace mayfly::archive
