#include "agent/webhook/secret.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

namespace mayfly::webhook {
namespace {

constexpr std::size_t kSecretBytesMax = 4096;

struct File {
  int fd = -1;
  ~File() {
    if (fd >= 0) close(fd);
  }
};

}  // namespace

tl::expected<std::string, std::string> read_secret(const std::string& file) {
  const auto cannot = [&file](const std::string& why) {
    return tl::unexpected("secret_file " + file + ": " + why);
  };
  // Not blocking: a FIFO without a writer must not hold the loop.
  const File opened{open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)};
  struct stat status {};
  if (opened.fd < 0 || fstat(opened.fd, &status) != 0) {
    return cannot(std::generic_category().message(errno));
  }
  if (!S_ISREG(status.st_mode)) return cannot("is not a regular file");
  if ((status.st_mode & S_IROTH) != 0) return cannot("may be read by all: chmod 0600 it");
  std::array<char, kSecretBytesMax + 1> bytes{};
  const ssize_t got = read(opened.fd, bytes.data(), bytes.size());
  if (got < 0) return cannot(std::generic_category().message(errno));
  if (static_cast<std::size_t>(got) > kSecretBytesMax) return cannot("is too long");
  std::string secret(bytes.data(), static_cast<std::size_t>(got));
  while (secret.ends_with('\n') || secret.ends_with('\r')) secret.pop_back();
  if (secret.empty()) return cannot("is empty");
  return secret;
}

}  // namespace mayfly::webhook
