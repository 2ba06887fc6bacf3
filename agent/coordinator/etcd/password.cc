#include "agent/coordinator/etcd/password.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

namespace mayfly::etcd {
namespace {

constexpr std::size_t kPasswordBytesMax = 4096;

struct File {
  int fd = -1;
  ~File() {
    if (fd >= 0) close(fd);
  }
};

}  // namespace

tl::expected<std::string, std::string> read_password(const std::string& file) {
  const auto cannot = [&file](const std::string& why) {
    return tl::unexpected("password_file " + file + ": " + why);
  };
  // Not blocking: a FIFO without a writer must not hold the loop.
  const File opened{open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)};
  struct stat status {};
  if (opened.fd < 0 || fstat(opened.fd, &status) != 0) {
    return cannot(std::generic_category().message(errno));
  }
  if (!S_ISREG(status.st_mode)) return cannot("is not a regular file");
  std::array<char, kPasswordBytesMax + 1> bytes{};
  const ssize_t got = read(opened.fd, bytes.data(), bytes.size());
  if (got < 0) return cannot(std::generic_category().message(errno));
  if (static_cast<std::size_t>(got) > kPasswordBytesMax) return cannot("is too long");
  std::string password(bytes.data(), static_cast<std::size_t>(got));
  while (password.ends_with('\n') || password.ends_with('\r')) password.pop_back();
  if (password.empty()) return cannot("is empty");
  return password;
}

}  // namespace mayfly::etcd
