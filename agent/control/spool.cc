#include "agent/control/spool.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

namespace mayfly::control {
namespace {

constexpr std::string_view kPrefix = "upload-";

}  // namespace

tl::expected<std::shared_ptr<Spool>, std::string> Spool::create(const std::string& directory) {
  std::string path = directory + "/" + std::string(kPrefix) + "XXXXXX";
  const int fd = mkostemp(path.data(), O_CLOEXEC);
  if (fd < 0) {
    return tl::unexpected("no file for the upload in " + directory + ": " + std::strerror(errno));
  }
  return std::shared_ptr<Spool>(new Spool(std::move(path), fd));
}

tl::expected<void, std::string> Spool::prepare(const std::string& directory) {
  namespace fs = std::filesystem;
  std::error_code error;
  fs::create_directories(directory, error);
  if (!error && chmod(directory.c_str(), 0700) != 0) error.assign(errno, std::system_category());
  if (error) return tl::unexpected("upload directory " + directory + ": " + error.message());
  for (const auto& entry : fs::directory_iterator(directory, error)) {
    std::error_code ignored;  // what cannot be removed now is in nobody's way
    if (entry.path().filename().string().starts_with(kPrefix)) fs::remove(entry.path(), ignored);
  }
  return {};
}

Spool::~Spool() {
  close(fd_);
  unlink(path_.c_str());
}

tl::expected<void, std::string> Spool::append(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(fd_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return tl::unexpected("upload to " + path_ + ": " + std::strerror(errno));
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

}  // namespace mayfly::control
