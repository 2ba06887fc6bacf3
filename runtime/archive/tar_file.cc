#include "runtime/archive/tar_file.h"

#include <archive.h>
#include <archive_entry.h>

#include <vector>

namespace mayfly::archive {
namespace {

constexpr std::uint64_t kEntriesMax = 100'000;
constexpr std::size_t kPieceBytes = 1 << 20;
constexpr std::size_t kBlockBytes = 128 * 1024;

}  // namespace

TarFile::TarFile(const std::string& path, std::function<bool()> stopped)
    : archive_(archive_read_new()), stopped_(std::move(stopped)) {
  archive_read_support_format_tar(archive_);
  archive_read_support_filter_gzip(archive_);
  archive_read_support_filter_xz(archive_);
  archive_read_support_filter_zstd(archive_);
  if (archive_read_open_filename(archive_, path.c_str(), kBlockBytes) != ARCHIVE_OK) {
    open_fault_ = fault();
  }
}

TarFile::~TarFile() {
  archive_read_free(archive_);
}

std::string TarFile::fault() const {
  const auto* text = archive_error_string(archive_);
  return text == nullptr ? "it cannot be read" : text;
}

tl::expected<TarFile::Next, std::string> TarFile::next(TarEntry& entry) {
  if (!open_fault_.empty()) return tl::unexpected(open_fault_);
  if (const auto skipped = skip(); !skipped) return tl::unexpected(skipped.error());
  archive_entry* header = nullptr;
  const int result = archive_read_next_header(archive_, &header);
  if (result == ARCHIVE_EOF) return Next::kEnd;
  if (result != ARCHIVE_OK && result != ARCHIVE_WARN) return tl::unexpected(fault());
  if (++entries_ > kEntriesMax) return tl::unexpected(std::string("it has too many entries"));
  const auto text = [](const char* bytes) { return std::string(bytes == nullptr ? "" : bytes); };
  entry.name = text(archive_entry_pathname(header));
  if (entry.name.starts_with("./")) entry.name.erase(0, 2);
  entry.link_target = text(archive_entry_hardlink(header));
  if (entry.link_target.empty()) entry.link_target = text(archive_entry_symlink(header));
  entry.plain = archive_entry_filetype(header) == AE_IFREG && entry.link_target.empty();
  entry.size = archive_entry_size(header);
  unread_ = true;
  return Next::kEntry;
}

/// A plain tar is sought over. In a compressed one the bytes must be gone through, and a small file
/// can unpack to any number of them: the errand must stay stoppable.
tl::expected<void, std::string> TarFile::skip() {
  if (!unread_) return {};
  if (archive_filter_code(archive_, 0) != ARCHIVE_FILTER_NONE) {
    return read([](std::string_view) { return tl::expected<void, std::string>(); });
  }
  unread_ = false;
  if (archive_read_data_skip(archive_) != ARCHIVE_OK) return tl::unexpected(fault());
  return {};
}

tl::expected<void, std::string> TarFile::read(
    const std::function<tl::expected<void, std::string>(std::string_view)>& take) {
  unread_ = false;
  std::vector<char> piece(kPieceBytes);
  for (;;) {
    if (stopped_()) return tl::unexpected(std::string("the daemon is stopping"));
    const auto size = archive_read_data(archive_, piece.data(), piece.size());
    if (size < 0) return tl::unexpected(fault());
    if (size == 0) return {};
    if (auto taken = take({piece.data(), static_cast<std::size_t>(size)}); !taken) return taken;
  }
}

}  // namespace mayfly::archive
