#include "agent/logs/shelf.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <filesystem>
#include <limits>
#include <map>
#include <string_view>

namespace mayfly::logs {
namespace {

namespace fs = std::filesystem;
using runtime::Descriptor;

constexpr std::uint64_t kPage = 4096;
constexpr std::uint64_t kBlock = 512;  // the unit of st_blocks
/// What a flood may take before it is noticed, beyond what the pool may keep.
constexpr std::uint64_t kSlackBytes = 128 * 1024 * 1024;
constexpr std::uint64_t kReadMax = 64 * 1024;
constexpr std::uint64_t kTailMax = 4 * 1024 * 1024;

constexpr mode_t kDirectoryMode = 0700;
// A worker of any user may open its own /dev/stdout again, for writing.
constexpr mode_t kFileMode = 0622;
// Nobody's: the owner of a file may lease it, and so make us wait for it, and may change its mode.
constexpr uid_t kFileOwner = 0xFFFF'FFF0;

constexpr unsigned long kMountFlags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
// A lease can make an open() wait, unless it says that it will not.
constexpr int kOpenFlags = O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC;

std::string file_name(const std::string& worker, Stream stream) {
  return worker + (stream == Stream::kStdout ? ".out" : ".err");
}

bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= NAME_MAX - 4 && name.front() != '.' &&
         name.find_first_of(std::string_view("/\0", 2)) == name.npos;
}

std::string fault(const std::string& doing, const std::string& path) {
  return doing + ' ' + path + ": " + std::strerror(errno);
}

std::string mount_options(std::uint64_t bytes) {
  return "mode=0700,size=" + std::to_string(bytes + kSlackBytes);
}

bool is_mounted(const std::string& path, const std::string& root) {
  struct stat inside {};
  struct stat outside {};
  struct statfs filesystem {};
  return ::stat(path.c_str(), &inside) == 0 && ::stat(root.c_str(), &outside) == 0 &&
         inside.st_dev != outside.st_dev && ::statfs(path.c_str(), &filesystem) == 0 &&
         filesystem.f_type == TMPFS_MAGIC;
}

/// A directory that holds plain files already goes on with them: their writers have them open.
bool mount_at(const std::string& path, std::uint64_t bytes) {
  std::error_code error;
  if (!fs::is_empty(path, error) || error) return false;
  return ::mount("mayfly-logs", path.c_str(), "tmpfs", kMountFlags, mount_options(bytes).c_str()) ==
         0;
}

Shelf::Size size_of(const struct stat& status) {
  return {static_cast<std::uint64_t>(status.st_size),
          static_cast<std::uint64_t>(status.st_blocks) * kBlock};
}

void punch(int file, std::uint64_t from, std::uint64_t to) {
  if (from >= to) return;
  ::fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(from),
              static_cast<off_t>(to - from));
}

/// Reads what is real between `from` and `to`, up to the next hole, after skipping one.
std::string read_run(int file, std::uint64_t& from, std::uint64_t to) {
  const off_t data = ::lseek(file, static_cast<off_t>(from), SEEK_DATA);
  if (data < 0 || static_cast<std::uint64_t>(data) >= to) {
    from = to;
    return {};
  }
  const off_t hole = ::lseek(file, data, SEEK_HOLE);
  const auto begin = static_cast<std::uint64_t>(data);
  const auto end = hole < 0 ? to : std::min(to, static_cast<std::uint64_t>(hole));
  std::string bytes(end - begin, '\0');
  const auto got = ::pread(file, bytes.data(), bytes.size(), data);
  bytes.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
  from = bytes.empty() ? to : begin + bytes.size();
  return bytes;
}

}  // namespace

// ---- the directory ----------------------------------------------------------------------------

tl::expected<Shelf, std::string> Shelf::open(const std::string& root, const std::string& pool,
                                             std::uint64_t bytes) {
  if (!is_name(pool)) return tl::make_unexpected("not a pool's name: " + pool);
  std::string path = root + '/' + pool;
  for (const std::string& directory : {root, path}) {
    if (::mkdir(directory.c_str(), kDirectoryMode) != 0 && errno != EEXIST) {
      return tl::make_unexpected(fault("cannot make", directory));
    }
  }
  // On plain files a flood is bounded by our speed alone, and by the room of the file system, which
  // is a disk's if one is there.
  const bool mounted_before = is_mounted(path, root);
  const bool mounted = mounted_before || mount_at(path, bytes);
  Descriptor directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory || ::fchmod(directory.get(), kDirectoryMode) != 0) {
    return tl::make_unexpected(fault("cannot use", path));
  }
  Shelf shelf(std::move(path), std::move(directory));
  shelf.mounted_ = mounted;
  if (mounted_before) shelf.resize(bytes);
  return shelf;
}

void Shelf::remove(const std::string& root, const std::string& pool) {
  if (!is_name(pool)) return;
  const std::string path = root + '/' + pool;
  if (is_mounted(path, root) && ::umount2(path.c_str(), UMOUNT_NOFOLLOW) != 0) {
    ::umount2(path.c_str(), UMOUNT_NOFOLLOW | MNT_DETACH);  // workers still write to it
  }
  std::error_code ignored;
  fs::remove_all(path, ignored);
}

void Shelf::resize(std::uint64_t bytes) const {
  if (!mounted_) return;
  ::mount(nullptr, path_.c_str(), nullptr, MS_REMOUNT | kMountFlags, mount_options(bytes).c_str());
}

std::optional<std::uint64_t> Shelf::occupied() const {
  struct statfs filesystem {};
  if (!mounted_ || ::fstatfs(directory_.get(), &filesystem) != 0) return std::nullopt;
  return (filesystem.f_blocks - filesystem.f_bfree) *
         static_cast<std::uint64_t>(filesystem.f_bsize);
}

bool Shelf::is_short_of_room() const {
  struct statfs filesystem {};
  if (mounted_ || ::fstatfs(directory_.get(), &filesystem) != 0) return false;
  const auto block = static_cast<std::uint64_t>(filesystem.f_bsize);
  const std::uint64_t least = std::min(kSlackBytes, filesystem.f_blocks * block / 4);
  return filesystem.f_bavail * block < least;
}

std::vector<std::string> Shelf::workers() const {
  std::map<std::string, fs::file_time_type> written;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(path_, error)) {
    const auto extension = entry.path().extension();
    if (extension != ".out" && extension != ".err") continue;
    const auto at = entry.last_write_time(error);
    auto& latest = written[entry.path().stem()];
    latest = std::max(latest, at);
  }
  std::vector<std::string> names;
  for (const auto& [name, at] : written) names.push_back(name);
  std::stable_sort(names.begin(), names.end(),
                   [&](const auto& a, const auto& b) { return written[a] < written[b]; });
  return names;
}

// ---- the files --------------------------------------------------------------------------------

std::string Shelf::path_of(const std::string& worker, Stream stream) const {
  return path_ + '/' + file_name(worker, stream);
}

tl::expected<Descriptor, std::string> Shelf::append_to(const std::string& worker,
                                                       Stream stream) const {
  if (!is_name(worker)) return tl::make_unexpected("not a worker's name: " + worker);
  const std::string name = file_name(worker, stream);
  constexpr int kFlags = O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC;
  // Without O_EXCL: after a restart of the agent the file may be there, and its worker not yet run.
  Descriptor file(::openat(directory_.get(), name.c_str(), kFlags | O_NONBLOCK, kFileMode));
  if (!file) return tl::make_unexpected(fault("cannot make", path_ + '/' + name));
  ::fcntl(file.get(), F_SETFL, O_APPEND);  // only our own opening must not wait
  ::fchmod(file.get(), kFileMode);         // the umask may have taken bits away
  // Without the right to do so the files are ours, and only workers of our own user can lease them.
  [[maybe_unused]] const int done = ::fchown(file.get(), kFileOwner, static_cast<gid_t>(-1));
  return file;
}

Shelf::Size Shelf::size(const std::string& worker, Stream stream) const {
  struct stat status {};
  const std::string name = file_name(worker, stream);
  if (::fstatat(directory_.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return {};
  return size_of(status);
}

Shelf::Size Shelf::trim(const std::string& worker, Stream stream, std::uint64_t keep) const {
  const Size before = size(worker, stream);
  const std::uint64_t pages = (keep + kPage - 1) / kPage + 1;
  if (before.occupied <= pages * kPage) return before;
  const std::string name = file_name(worker, stream);
  const Descriptor file(::openat(directory_.get(), name.c_str(), O_WRONLY | kOpenFlags));
  struct stat status {};
  if (!file || ::fstat(file.get(), &status) != 0) return before;
  const std::uint64_t length = size_of(status).length;
  if (length > keep) punch(file.get(), 0, (length - keep) / kPage * kPage);
  // Room that was allocated beyond the end is no one's log.
  punch(file.get(), (length / kPage + 1) * kPage, std::numeric_limits<off_t>::max());
  return ::fstat(file.get(), &status) == 0 ? size_of(status) : before;
}

std::string Shelf::tail(const std::string& worker, Stream stream, std::uint64_t bytes) const {
  const std::string name = file_name(worker, stream);
  const Descriptor file(::openat(directory_.get(), name.c_str(), O_RDONLY | kOpenFlags));
  struct stat status {};
  if (!file || ::fstat(file.get(), &status) != 0) return {};
  const std::uint64_t length = size_of(status).length;
  std::uint64_t from = length - std::min({length, bytes, kTailMax});
  std::string tail;
  while (from < length) tail += read_run(file.get(), from, length);
  return tail;
}

Logs::Chunk Shelf::read(const std::string& worker, Stream stream, std::uint64_t offset) const {
  const std::string name = file_name(worker, stream);
  const Descriptor file(::openat(directory_.get(), name.c_str(), O_RDONLY | kOpenFlags));
  struct stat status {};
  if (!file || ::fstat(file.get(), &status) != 0) return {{}, offset};
  const std::uint64_t length = size_of(status).length;
  const off_t data = ::lseek(file.get(), static_cast<off_t>(offset), SEEK_DATA);
  // Nothing but a hole from here to the end, or the worker has cut the file off before here.
  if (data < 0) return {{}, length};
  Logs::Chunk chunk;
  chunk.next = static_cast<std::uint64_t>(data);
  chunk.bytes = read_run(file.get(), chunk.next, std::min(length, chunk.next + kReadMax));
  return chunk;
}

void Shelf::remove_files(const std::string& worker) const {
  if (!is_name(worker)) return;
  for (const Stream stream : {Stream::kStdout, Stream::kStderr}) {
    ::unlinkat(directory_.get(), file_name(worker, stream).c_str(), 0);
  }
}

}  // namespace mayfly::logs
