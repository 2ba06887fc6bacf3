#include "runtime/files/read.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <system_error>

namespace mayfly::files {
namespace {

constexpr std::size_t kSecretBytesMax = 4096;
constexpr std::size_t kBytesFirst = 4096;

enum class Kind : std::uint8_t { kAny, kSecret };

struct File {
  int fd = -1;
  ~File() {
    if (fd >= 0) close(fd);
  }
};

tl::expected<std::string, std::string> read(const std::string& path, std::size_t bytes_max,
                                            Kind kind) {
  const auto cannot = [&path](const std::string& why) { return tl::unexpected(path + ": " + why); };
  const auto failed = [&] { return cannot(std::generic_category().message(errno)); };
  // Not blocking: a FIFO without a writer must hold nobody.
  const File file{open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)};
  struct stat status {};
  if (file.fd < 0 || fstat(file.fd, &status) != 0) return failed();
  if (!S_ISREG(status.st_mode)) return cannot("is not a regular file");
  if (kind == Kind::kSecret && (status.st_mode & S_IRWXO) != 0) {
    return cannot("is open to all users: chmod o= " + path);
  }
  std::string bytes;
  std::size_t size = 0;
  while (size <= bytes_max) {
    if (size == bytes.size())
      bytes.resize(std::min(std::max(kBytesFirst, 2 * size), bytes_max + 1));
    const ssize_t got = ::read(file.fd, bytes.data() + size, bytes.size() - size);
    if (got < 0) return failed();
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  if (size > bytes_max) return cannot("is too long");
  bytes.resize(size);
  return bytes;
}

}  // namespace

tl::expected<std::string, std::string> read_bounded(const std::string& path,
                                                    std::size_t bytes_max) {
  return read(path, bytes_max, Kind::kAny);
}

tl::expected<std::string, std::string> read_secret(const std::string& path) {
  auto secret = read(path, kSecretBytesMax, Kind::kSecret);
  if (!secret) return secret;
  if (secret->ends_with('\n')) secret->pop_back();
  if (secret->ends_with('\r')) secret->pop_back();
  if (secret->empty()) return tl::unexpected(path + ": is empty");
  return secret;
}

}  // namespace mayfly::files
