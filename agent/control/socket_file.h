// The listening socket and its name in the file system, which goes with it.
#pragma once

#include <sys/types.h>
#include <cstdint>
#include <optional>
#include <string>
#include <tl/expected.hpp>

namespace mayfly::control {

class SocketFile {
 public:
  /// Listens at `path`: mode 0660 for `group`, 0600 without one. A socket there that nobody answers
  /// on is replaced. Error: one line with the path and what to do.
  [[nodiscard]] static tl::expected<SocketFile, std::string> listen(const std::string& path,
                                                                    std::optional<gid_t> group);
  /// One that somebody else made and listens on; its name and mode are left as they are. Takes `fd`
  /// over in any case. Error: it is not a listening unix stream socket.
  [[nodiscard]] static tl::expected<SocketFile, std::string> adopt(int fd);
  ~SocketFile();  ///< unlinks the name if it is ours and still this socket; the descriptor is not
                  ///< its
  SocketFile(SocketFile&& other) noexcept;
  SocketFile& operator=(SocketFile&&) = delete;

  /// The listening descriptor, once; the receiver closes it.
  [[nodiscard]] int take();

 private:
  /// Which file a name stands for. Inode numbers are used again at once by some file systems, hence
  /// the time of birth (all zero where it is not kept).
  struct Identity {
    std::uint64_t inode = 0;
    std::int64_t born_s = 0;
    std::uint32_t born_ns = 0;
    bool operator==(const Identity&) const = default;
  };
  /// Nothing there: inode 0.
  [[nodiscard]] static Identity identify(const std::string& path);

  SocketFile(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  [[nodiscard]] tl::expected<void, std::string> open(std::optional<gid_t> group);

  std::string path_;
  int fd_ = -1;
  Identity identity_;
};

}  // namespace mayfly::control
