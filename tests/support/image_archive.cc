#include "tests/support/image_archive.h"

#include <archive.h>
#include <archive_entry.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "runtime/oci/digest.h"
#include "runtime/oci/image.h"

namespace mayfly::support {
namespace {

using nlohmann::json;
using oci::sha256_digest;

la_ssize_t append(archive*, void* to, const void* bytes, std::size_t size) {
  static_cast<std::string*>(to)->append(static_cast<const char*>(bytes), size);
  return static_cast<la_ssize_t>(size);
}

std::string hex(const std::string& digest) {
  return digest.substr(digest.find(':') + 1);
}

json descriptor(const std::string& type, const std::string& bytes) {
  return {{"mediaType", type}, {"digest", sha256_digest(bytes)}, {"size", bytes.size()}};
}

bool is_gzip(const std::string& bytes) {
  return bytes.starts_with("\x1f\x8b");
}

}  // namespace

Tar& Tar::directory(const std::string& path, unsigned mode) {
  entries_.push_back({path, {}, {}, AE_IFDIR, mode});
  return *this;
}

Tar& Tar::file(const std::string& path, const std::string& bytes, unsigned mode) {
  entries_.push_back({path, bytes, {}, AE_IFREG, mode});
  return *this;
}

Tar& Tar::symlink(const std::string& path, const std::string& target) {
  entries_.push_back({path, {}, target, AE_IFLNK, 0777});
  return *this;
}

std::string Tar::bytes() const {
  std::string bytes;
  auto* tar = archive_write_new();
  archive_write_set_format_ustar(tar);
  archive_write_open(tar, &bytes, nullptr, append, nullptr);
  for (const auto& entry : entries_) {
    auto* header = archive_entry_new();
    archive_entry_set_pathname(header, entry.path.c_str());
    archive_entry_set_filetype(header, entry.type);
    archive_entry_set_perm(header, entry.mode);
    archive_entry_set_size(header, static_cast<la_int64_t>(entry.bytes.size()));
    if (!entry.target.empty()) archive_entry_set_symlink(header, entry.target.c_str());
    archive_write_header(tar, header);
    archive_write_data(tar, entry.bytes.data(), entry.bytes.size());
    archive_entry_free(header);
  }
  archive_write_close(tar);
  archive_write_free(tar);
  return bytes;
}

std::map<std::string, std::string> Tar::files() const {
  std::map<std::string, std::string> files;
  for (const auto& entry : entries_) {
    if (entry.type == AE_IFREG) files[entry.path] = entry.bytes;
  }
  return files;
}

std::string gzip(const std::string& bytes) {
  std::string packed;
  auto* filter = archive_write_new();
  archive_write_set_format_raw(filter);
  archive_write_add_filter_gzip(filter);
  archive_write_set_bytes_in_last_block(filter, 1);  // zeros after a gzip are no gzip
  archive_write_open(filter, &packed, nullptr, append, nullptr);
  auto* header = archive_entry_new();
  archive_entry_set_filetype(header, AE_IFREG);
  archive_write_header(filter, header);
  archive_write_data(filter, bytes.data(), bytes.size());
  archive_entry_free(header);
  archive_write_close(filter);
  archive_write_free(filter);
  return packed;
}

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error("cannot read " + path);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write_file(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

Tar busybox_root() {
  Tar root;
  for (const auto* path : {"bin", "etc", "root", "home", "home/worker"}) root.directory(path);
  root.directory("tmp", 01777);
  root.file("bin/busybox", read_file("/bin/busybox"));
  for (const auto* applet : {"sh", "true", "false", "sleep", "cat", "id", "echo", "ls", "kill"}) {
    root.symlink("bin/" + std::string(applet), "busybox");
  }
  root.file("etc/passwd",
            "root:x:0:0:root:/root:/bin/sh\nworker:x:1000:1000::/home/worker:/bin/sh\n", 0644);
  root.file("etc/group", "root:x:0:\nworker:x:1000:\nextra:x:2000:worker\n", 0644);
  return root;
}

ImageArchive& ImageArchive::layer(const Tar& tar) {
  layers.push_back(tar.bytes());
  diff_ids.push_back(sha256_digest(layers.back()));
  return *this;
}

ImageArchive& ImageArchive::gzip_layer(const Tar& tar) {
  const auto bytes = tar.bytes();
  layers.push_back(gzip(bytes));
  diff_ids.push_back(sha256_digest(bytes));
  return *this;
}

std::string ImageArchive::config() const {
  if (!config_json.empty()) return config_json;
  return R"({"architecture":")" +
         (architecture.empty() ? std::string(oci::host_architecture()) : architecture) +
         R"(","os":"linux","config":{)" + config_members +
         R"(},"rootfs":{"type":"layers","diff_ids":)" + json(diff_ids).dump() + "}}";
}

Tar ImageArchive::docker() const {
  Tar tar;
  json files = json::array();
  for (const auto& one : layers) {
    const auto entry = hex(sha256_digest(one)) + "/layer.tar";
    files.push_back(entry);
    tar.file(entry, one, 0644);
  }
  const auto config_entry = hex(sha256_digest(config())) + ".json";
  tar.file(config_entry, config(), 0644);
  const json manifest =
      json::array({{{"Config", config_entry}, {"RepoTags", names}, {"Layers", std::move(files)}}});
  return tar.file("manifest.json", manifest.dump(), 0644);
}

Tar ImageArchive::oci() const {
  Tar tar;
  json blobs = json::array();
  const std::string oci = "application/vnd.oci.image.";
  for (const auto& one : layers) {
    blobs.push_back(descriptor(oci + (is_gzip(one) ? "layer.v1.tar+gzip" : "layer.v1.tar"), one));
    tar.file("blobs/sha256/" + hex(sha256_digest(one)), one, 0644);
  }
  tar.file("blobs/sha256/" + hex(sha256_digest(config())), config(), 0644);
  const auto manifest = json{
      {"schemaVersion", 2},
      {"config", descriptor(oci + "config.v1+json", config())},
      {"layers",
       std::move(blobs)}}.dump();
  tar.file("blobs/sha256/" + hex(sha256_digest(manifest)), manifest, 0644);
  json entries = json::array();
  for (const auto& name : names) {
    auto entry = descriptor(oci + "manifest.v1+json", manifest);
    entry["annotations"] = {{"io.containerd.image.name", name}};
    entries.push_back(std::move(entry));
  }
  tar.file("oci-layout", R"({"imageLayoutVersion":"1.0.0"})", 0644);
  return tar.file("index.json", json{{"schemaVersion", 2}, {"manifests", entries}}.dump(), 0644);
}

void write_busybox_image(const std::string& file, const std::string& name) {
  ImageArchive image;
  image.layer(busybox_root()).names = {name};
  write_file(file, image.docker().bytes());
}

}  // namespace mayfly::support
