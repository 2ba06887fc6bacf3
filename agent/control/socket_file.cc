#include "agent/control/socket_file.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <cerrno>
#include <cstring>
#include <utility>

namespace mayfly::control {
namespace {

using Outcome = tl::expected<void, std::string>;

tl::unexpected<std::string> failed(const std::string& path, const std::string& what, int error) {
  return tl::unexpected("control socket " + path + ": " + what + ": " + std::strerror(error));
}

/// What answers at `address`: 0 = somebody, else the errno of the attempt.
int try_connect(const sockaddr_un& address) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return errno;
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  const int error = connect(fd, generic, sizeof address) == 0 ? 0 : errno;
  close(fd);
  return error == EAGAIN ? 0 : error;  // EAGAIN: its backlog is full, so somebody is there
}

/// -1: it has none, or is no socket.
int option(int fd, int name) {
  int value = -1;
  socklen_t size = sizeof value;
  return getsockopt(fd, SOL_SOCKET, name, &value, &size) == 0 ? value : -1;
}

Outcome clear_stale(const std::string& path, const sockaddr_un& address) {
  struct stat status {};
  if (lstat(path.c_str(), &status) != 0) {
    if (errno == ENOENT) return {};
    return failed(path, "cannot be looked at", errno);
  }
  if (!S_ISSOCK(status.st_mode)) {
    return tl::unexpected("control socket " + path +
                          ": a file that is not a socket is in the way; remove it");
  }
  const int error = try_connect(address);
  if (error == 0) {
    return tl::unexpected("control socket " + path +
                          ": another daemon answers there; stop it or choose another path");
  }
  if (error != ECONNREFUSED) return failed(path, "cannot be tried", error);
  if (unlink(path.c_str()) != 0) return failed(path, "stale, and cannot be removed", errno);
  return {};
}

}  // namespace

tl::expected<SocketFile, std::string> SocketFile::listen(const std::string& path,
                                                         std::optional<gid_t> group) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return failed(path, "cannot be made", errno);
  SocketFile file(path, fd);
  if (const auto opened = file.open(group); !opened) {
    close(file.take());
    return tl::unexpected(opened.error());
  }
  return file;
}

tl::expected<SocketFile, std::string> SocketFile::adopt(int fd) {
  SocketFile file("", fd);
  if (option(fd, SO_DOMAIN) == AF_UNIX && option(fd, SO_TYPE) == SOCK_STREAM &&
      option(fd, SO_ACCEPTCONN) == 1) {
    return file;
  }
  close(file.take());
  return tl::unexpected(
      "control socket: what was handed over as descriptor " + std::to_string(fd) +
      " is not a listening unix stream socket; its unit needs ListenStream= with a path");
}

tl::expected<void, std::string> SocketFile::open(std::optional<gid_t> group) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path_.empty() || path_.size() >= sizeof address.sun_path) {
    return tl::unexpected("control socket " + path_ + ": the path must have 1.." +
                          std::to_string(sizeof address.sun_path - 1) + " bytes");
  }
  std::memcpy(address.sun_path, path_.c_str(), path_.size() + 1);
  if (const auto cleared = clear_stale(path_, address); !cleared) return cleared;
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  if (bind(fd_, generic, sizeof address) != 0) return failed(path_, "cannot be bound", errno);
  identity_ = identify(path_);
  if (identity_.inode == 0) return failed(path_, "cannot be looked at", errno);
  // Nobody can connect before listen(), so the permissions stand before the first caller.
  if (group && chown(path_.c_str(), static_cast<uid_t>(-1), *group) != 0) {
    return failed(path_, "cannot be given to its group", errno);
  }
  if (chmod(path_.c_str(), group ? 0660 : 0600) != 0) {
    return failed(path_, "cannot be given its mode", errno);
  }
  if (::listen(fd_, SOMAXCONN) != 0) return failed(path_, "cannot be listened on", errno);
  return {};
}

SocketFile::Identity SocketFile::identify(const std::string& path) {
  struct statx status {};
  const unsigned wanted = STATX_INO | STATX_BTIME;
  if (statx(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW, wanted, &status) != 0) return {};
  return {status.stx_ino, status.stx_btime.tv_sec, status.stx_btime.tv_nsec};
}

SocketFile::SocketFile(SocketFile&& other) noexcept
    : path_(std::move(other.path_)),
      fd_(std::exchange(other.fd_, -1)),
      identity_(std::exchange(other.identity_, {})) {}

SocketFile::~SocketFile() {
  if (identity_.inode != 0 && identify(path_) == identity_) unlink(path_.c_str());
}

int SocketFile::take() {
  return std::exchange(fd_, -1);
}

}  // namespace mayfly::control
