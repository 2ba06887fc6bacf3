#include "runtime/archive/look.h"

#include <utility>

#include "runtime/archive/tar_file.h"

namespace mayfly::archive {
namespace {

constexpr std::size_t kDocumentsBytesMax = 64 << 20;  ///< of all together

bool may_be_document(const std::string& name) {
  return name.ends_with(".json") || name.starts_with("blobs/");
}

/// Which of them matter, only they can tell.
tl::expected<void, std::string> read_document(TarFile& tar, const TarEntry& entry,
                                              Contents& contents) {
  std::string bytes;
  auto read = tar.read([&](std::string_view piece) -> tl::expected<void, std::string> {
    bytes += piece;
    return {};
  });
  if (!read) return read;
  if (bytes.starts_with('{') || bytes.starts_with('[')) {
    contents.documents[entry.name] = std::move(bytes);
  }
  return {};
}

}  // namespace

tl::expected<Contents, std::string> look(const std::string& file, std::function<bool()> stopped) {
  TarFile tar(file, std::move(stopped));
  Contents contents;
  TarEntry entry;
  std::size_t documents_bytes = 0;
  for (;;) {
    const auto next = tar.next(entry);
    if (!next) return tl::unexpected(next.error());
    if (*next == TarFile::Next::kEnd) return contents;
    if (!entry.link_target.empty()) contents.links[entry.name] = entry.link_target;
    if (!entry.plain) continue;
    contents.files[entry.name] = entry.size;
    if (entry.size > oci::kDocumentBytesMax || !may_be_document(entry.name)) continue;
    if (const auto read = read_document(tar, entry, contents); !read) {
      return tl::unexpected(read.error());
    }
    const auto document = contents.documents.find(entry.name);
    if (document != contents.documents.end()) documents_bytes += document->second.size();
    if (documents_bytes > kDocumentsBytesMax) {
      return tl::unexpected(std::string("its documents are too large"));
    }
  }
}

}  // namespace mayfly::archive
