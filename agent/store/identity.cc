#include "agent/store/identity.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

namespace mayfly::store {
namespace {

namespace fs = std::filesystem;

std::string failed(const fs::path& path, std::string_view doing) {
  return path.string() + ": cannot " + std::string{doing} + ": " +
         std::generic_category().message(errno);
}

/// A file descriptor with an end.
struct File {
  int fd;
  explicit File(int opened) : fd(opened) {}
  ~File() {
    if (fd >= 0) close(fd);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
};

/// The first bytes of a file, which are all of ours.
std::string read_start(int fd) {
  std::array<char, 64> bytes{};
  const ssize_t got = pread(fd, bytes.data(), bytes.size(), 0);
  return {bytes.data(), got > 0 ? static_cast<std::size_t>(got) : 0};
}

bool write_all(int fd, std::string_view text) {
  return pwrite(fd, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size());
}

/// "INSTANCE RUN\n"
std::optional<Identity> parse(std::string_view text) {
  static constexpr std::size_t kInstance = 8;
  static constexpr std::string_view kHex = "0123456789abcdef";
  if (text.size() < kInstance + 3 || text[kInstance] != ' ' || text.back() != '\n') {
    return std::nullopt;
  }
  const std::string_view instance = text.substr(0, kInstance);
  if (instance.find_first_not_of(kHex) != std::string_view::npos) return std::nullopt;
  Identity identity{.instance = std::string{instance}, .run = 0};
  const char* const end = text.data() + text.size() - 1;
  const auto [stop, error] = std::from_chars(text.data() + kInstance + 1, end, identity.run);
  if (error != std::errc{} || stop != end || identity.run == UINT32_MAX) return std::nullopt;
  return identity;
}

std::optional<std::string> random_hex() {
  static constexpr std::string_view kHex = "0123456789abcdef";
  std::array<unsigned char, 4> bytes{};
  if (getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    return std::nullopt;
  }
  std::string text;
  for (const unsigned char byte : bytes) {
    text.push_back(kHex[byte >> 4U]);
    text.push_back(kHex[byte & 15U]);
  }
  return text;
}

/// Replaces the file as a whole, or leaves it as it was.
tl::expected<void, std::string> replace(const fs::path& path, std::string_view text) {
  const fs::path fresh = path.string() + ".new";
  {
    const File file{open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
    if (file.fd < 0 || !write_all(file.fd, text) || fsync(file.fd) != 0) {
      return tl::unexpected(failed(fresh, "write"));
    }
  }
  if (rename(fresh.c_str(), path.c_str()) != 0) return tl::unexpected(failed(path, "replace"));
  const File directory{open(path.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (directory.fd < 0 || fsync(directory.fd) != 0) return tl::unexpected(failed(path, "sync"));
  return {};
}

/// Of an earlier run; a fresh one where there is none.
tl::expected<Identity, std::string> read_identity(const fs::path& path) {
  const File file{open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (file.fd < 0 && errno != ENOENT) return tl::unexpected(failed(path, "read"));
  if (file.fd < 0) {
    auto instance = random_hex();
    if (!instance) return tl::unexpected(failed(path, "draw an instance id"));
    return Identity{.instance = std::move(*instance), .run = 0};
  }
  if (auto identity = parse(read_start(file.fd))) return std::move(*identity);
  return tl::unexpected(path.string() +
                        " is damaged: it holds the node's instance id, 8 hex digits, and the count "
                        "of its runs. Write it anew from the label of a running container, with a "
                        "count above all before, or stop all workers and remove it");
}

}  // namespace

tl::expected<DirectoryLock, std::string> DirectoryLock::take(const fs::path& directory) {
  std::error_code error;
  if (directory.has_parent_path()) fs::create_directories(directory.parent_path(), error);
  if (mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
    return tl::unexpected(failed(directory, "create"));
  }
  const fs::path path = directory / "lock";
  DirectoryLock lock{open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
  if (lock.fd_ < 0) return tl::unexpected(failed(path, "open"));
  if (flock(lock.fd_, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return tl::unexpected(failed(path, "lock"));
    std::string holder = read_start(lock.fd_);
    holder.erase(std::remove(holder.begin(), holder.end(), '\n'), holder.end());
    return tl::unexpected(directory.string() + " is held by another mayflyd" +
                          (holder.empty() ? "" : " (pid " + holder + ")") +
                          "; give this one its own --state-dir");
  }
  // The pid is for people only: on a full disk the lock holds without it.
  const std::string pid = std::to_string(getpid()) + "\n";
  if (ftruncate(lock.fd_, 0) == 0) static_cast<void>(write_all(lock.fd_, pid));
  return lock;
}

DirectoryLock::DirectoryLock(DirectoryLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

DirectoryLock::~DirectoryLock() {
  if (fd_ >= 0) close(fd_);
}

tl::expected<Identity, std::string> begin_run(const fs::path& directory) {
  const fs::path path = directory / "identity";
  auto identity = read_identity(path);
  if (!identity) return identity;
  ++identity->run;
  const auto written =
      replace(path, identity->instance + " " + std::to_string(identity->run) + "\n");
  if (!written) return tl::unexpected(written.error());
  return identity;
}

}  // namespace mayfly::store
