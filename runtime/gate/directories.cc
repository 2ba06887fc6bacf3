#include "runtime/gate/directories.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <climits>
#include <cstring>
#include <filesystem>
#include <string_view>

namespace mayfly::gate {
namespace {

using runtime::Descriptor;

constexpr mode_t kRootMode = 0700;
constexpr mode_t kWorkerMode = 0755;
constexpr mode_t kSocketMode = 0666;
constexpr mode_t kPlaceholderMode = 0555;
constexpr mode_t kMarkerMode = 0600;
constexpr int kBacklog = 8;

constexpr const char* kMount = "/mnt";
constexpr const char* kSocket = "/mnt/gate.sock";
constexpr const char* kPlaceholder = "/mnt/gate";
constexpr const char* kMarker = "/released";

bool is_name(std::string_view worker) {
  return !worker.empty() && worker.size() <= NAME_MAX && worker != "." && worker != ".." &&
         worker.find_first_of(std::string_view("/\0", 2)) == worker.npos;
}

/// What a marker holds; nothing where it cannot be read.
std::optional<std::string> read_line(const Descriptor& marker) {
  std::array<char, 16> line;
  const auto length = ::pread(marker.get(), line.data(), line.size(), 0);
  if (length < 0) return std::nullopt;
  return std::string(line.data(), static_cast<std::size_t>(length));
}

std::optional<std::uint32_t> slot_in(std::string_view line) {
  std::uint32_t slot = 0;
  const char* const end = line.data() + line.size();
  const auto [parsed_to, error] = std::from_chars(line.data(), end, slot);
  if (error != std::errc() || parsed_to == end || *parsed_to != '\n') return std::nullopt;
  return slot;
}

tl::expected<Descriptor, std::string> bind_at(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) return tl::make_unexpected("path is too long");
  std::memcpy(address.sun_path, path.data(), path.size());
  Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket) return tl::make_unexpected(std::strerror(errno));
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return tl::make_unexpected(std::strerror(errno));
  }
  return socket;
}

}  // namespace

std::string Directories::fault(const std::string& worker, const char* doing) const {
  return std::string(doing) + ' ' + root_ + '/' + worker + ": " + std::strerror(errno);
}

std::string Directories::mount_source(const std::string& worker) const {
  return root_ + '/' + worker + kMount;
}

tl::expected<void, std::string> Directories::open_root() {
  if (root_dir_) return {};
  if (::mkdir(root_.c_str(), kRootMode) != 0 && errno != EEXIST) {
    return tl::make_unexpected(fault("", "cannot make"));
  }
  Descriptor root(::open(root_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root || ::fchmod(root.get(), kRootMode) != 0) {
    return tl::make_unexpected(fault("", "cannot use"));
  }
  root_dir_ = std::move(root);
  return {};
}

tl::expected<Directories::Marker, std::string> Directories::make(const std::string& worker) {
  if (!is_name(worker)) return tl::make_unexpected("not a worker's name: " + worker);
  return open_root().and_then([&] { return make_parts(worker); }).and_then([&] {
    return open_marker(worker);
  });
}

tl::expected<Directories::Marker, std::string> Directories::open_marker(const std::string& worker) {
  const std::string name = worker + kMarker;
  constexpr int kFlags = O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC;
  Descriptor marker(::openat(root_dir_.get(), name.c_str(), kFlags, kMarkerMode));
  if (!marker) return tl::make_unexpected(fault(name, "cannot make"));
  const auto line = read_line(marker);
  if (!line) return tl::make_unexpected(fault(name, "cannot read"));
  // Its page is made now: a full file system is found before there is anything to release.
  if (line->empty() && ::pwrite(marker.get(), "\n", 1, 0) != 1) {
    return tl::make_unexpected(fault(name, "cannot write"));
  }
  return Marker{std::move(marker), slot_in(*line)};
}

tl::expected<void, std::string> Directories::make_parts(const std::string& worker) {
  // The modes are set apart from the creation, since the umask may have taken bits away.
  const int root = root_dir_.get();
  for (const std::string& directory : {worker, worker + kMount}) {
    if (::mkdirat(root, directory.c_str(), kWorkerMode) != 0 && errno != EEXIST) {
      return tl::make_unexpected(fault(directory, "cannot make"));
    }
    if (::fchmodat(root, directory.c_str(), kWorkerMode, 0) != 0) {
      return tl::make_unexpected(fault(directory, "cannot set the mode of"));
    }
  }
  const std::string placeholder = worker + kPlaceholder;
  constexpr int kFlags = O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  const Descriptor file(::openat(root, placeholder.c_str(), kFlags, kPlaceholderMode));
  if (!file && errno == EEXIST) return {};
  if (!file || ::fchmod(file.get(), kPlaceholderMode) != 0) {
    return tl::make_unexpected(fault(placeholder, "cannot make"));
  }
  return {};
}

tl::expected<Descriptor, std::string> Directories::listen(const std::string& worker) {
  const int root = root_dir_.get();
  const std::string name = worker + kSocket;
  if (::unlinkat(root, name.c_str(), 0) != 0 && errno != ENOENT) {
    return tl::make_unexpected(fault(name, "cannot replace"));
  }
  // A socket's address holds 107 bytes. Through /proc it is short, however long our root is.
  const std::string mount = worker + kMount;
  const Descriptor directory(
      ::openat(root, mount.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!directory) return tl::make_unexpected(fault(mount, "cannot open"));
  auto bound = bind_at("/proc/self/fd/" + std::to_string(directory.get()) + "/gate.sock");
  if (!bound) bound = bind_at(root_ + '/' + name);  // without /proc
  if (!bound) {
    return tl::make_unexpected("cannot listen at " + root_ + '/' + name + ": " + bound.error());
  }
  if (::fchmodat(root, name.c_str(), kSocketMode, 0) != 0 ||
      ::listen(bound->get(), kBacklog) != 0) {
    return tl::make_unexpected(fault(name, "cannot listen at"));
  }
  return bound;
}

tl::expected<void, std::string> Directories::mark(const Descriptor& marker, std::uint32_t slot) {
  const std::string line = std::to_string(slot) + '\n';
  const ssize_t written = ::pwrite(marker.get(), line.data(), line.size(), 0);
  if (written == static_cast<ssize_t>(line.size())) return {};
  return tl::make_unexpected(std::string("cannot mark the worker as released: ") +
                             std::strerror(errno));
}

std::optional<std::uint32_t> Directories::marked(const std::string& worker) const {
  if (!is_name(worker)) return std::nullopt;
  const std::string path = root_ + '/' + worker + kMarker;
  const Descriptor marker(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!marker) return std::nullopt;
  const auto line = read_line(marker);
  return line ? slot_in(*line) : std::nullopt;
}

void Directories::forget_socket(const std::string& worker) {
  ::unlinkat(root_dir_.get(), (worker + kSocket).c_str(), 0);
}

bool Directories::has_socket(const std::string& worker) const {
  struct stat status;
  return ::fstatat(root_dir_.get(), (worker + kSocket).c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0;
}

void Directories::remove(const std::string& worker) {
  if (!is_name(worker)) return;
  const std::string base = root_ + '/' + worker;
  for (const char* file : {kSocket, kPlaceholder, kMarker}) ::unlink((base + file).c_str());
  ::rmdir((base + kMount).c_str());
  if (::rmdir(base.c_str()) == 0 || errno == ENOENT) return;
  // Someone has put more into it. The library removes a tree without following links.
  std::error_code ignored;
  std::filesystem::remove_all(base, ignored);
}

std::vector<std::string> Directories::present() const {
  std::vector<std::string> workers;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(root_, error)) {
    if (entry.is_directory(error) && !entry.is_symlink(error)) {
      workers.push_back(entry.path().filename());
    }
  }
  return workers;
}

}  // namespace mayfly::gate
