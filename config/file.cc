#include "config/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

namespace mayfly::config {
namespace {

/// Closes on the way out.
struct File {
  int fd = -1;
  explicit File(const char* path) : fd(open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)) {}
  ~File() {
    if (fd >= 0) close(fd);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
};

}  // namespace

std::string cannot_read(int error) {
  return "cannot be read: " + std::generic_category().message(error);
}

tl::expected<std::string, Fault> read_file(const std::filesystem::path& path) {
  const File file{path.c_str()};  // not blocking: a FIFO without a writer must not hold us
  struct stat status {};
  if (file.fd < 0 || fstat(file.fd, &status) != 0) {
    return tl::unexpected(fault_at({}, cannot_read(errno)));
  }
  if (!S_ISREG(status.st_mode)) return tl::unexpected(fault_at({}, "is not a regular file"));
  std::string text;
  std::array<char, 16384> chunk;
  while (text.size() <= kTextBytesMax) {
    const ssize_t got = read(file.fd, chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return tl::unexpected(fault_at({}, cannot_read(errno)));
    if (got == 0) break;
    text.append(chunk.data(), static_cast<std::size_t>(got));
  }
  return text;
}

}  // namespace mayfly::config
