// Reads a tar from a local file, plain or compressed, entry by entry. The file is anybody's: names
// are bytes to compare and never paths to open, and everything is counted.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

struct archive;

namespace mayfly::archive {

struct TarEntry {
  std::string name;         ///< as written, without a leading "./"
  std::string link_target;  ///< of a symbolic or hard link; else empty
  bool plain = false;       ///< an ordinary file with bytes of its own
  std::int64_t size = 0;
};

class TarFile {
 public:
  /// `stopped` is asked between blocks.
  TarFile(const std::string& path, std::function<bool()> stopped);
  ~TarFile();
  TarFile(const TarFile&) = delete;
  TarFile& operator=(const TarFile&) = delete;

  enum class Next : std::uint8_t { kEntry, kEnd };
  /// Error: one line; there is no going on after it.
  [[nodiscard]] tl::expected<Next, std::string> next(TarEntry& entry);

  /// The current entry's bytes, in pieces of at most a megabyte. `take` returns an error to stop.
  [[nodiscard]] tl::expected<void, std::string> read(
      const std::function<tl::expected<void, std::string>(std::string_view)>& take);

 private:
  tl::expected<void, std::string> skip();
  std::string fault() const;

  ::archive* archive_;
  std::function<bool()> stopped_;
  std::string open_fault_;
  std::uint64_t entries_ = 0;
  bool unread_ = false;  ///< the current entry's bytes have not been read
};

}  // namespace mayfly::archive
