// The listening socket and its name in the file system, which goes with it.
#pragma once

#include <sys/types.h>
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
  ~SocketFile();  ///< unlinks the name if it still is this socket; the descriptor is not its
  SocketFile(SocketFile&& other) noexcept;
  SocketFile& operator=(SocketFile&&) = delete;

  /// The listening descriptor, once; the receiver closes it.
  [[nodiscard]] int take();

 private:
  SocketFile(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  [[nodiscard]] tl::expected<void, std::string> open(std::optional<gid_t> group);

  std::string path_;
  int fd_ = -1;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

}  // namespace mayfly::control
