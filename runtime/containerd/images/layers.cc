#include "runtime/containerd/images/layers.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <deque>
#include <string_view>

namespace mayfly::containerd {
namespace {

using runtime::Descriptor;
/// One directory of the image: of each layer that has it, the uppermost first.
using Merged = std::vector<Descriptor>;

constexpr int kLinksMax = 40;
constexpr int kLook = O_PATH | O_NOFOLLOW | O_CLOEXEC;

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const auto end = std::min(text.find(separator), text.size());
    if (end > 0) parts.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

/// What hides a name of the layers below.
bool is_whiteout(const struct stat& status) {
  return S_ISCHR(status.st_mode) && status.st_rdev == makedev(0, 0);
}

struct Found {
  Merged directory;  ///< when it is one
  Descriptor other;  ///< when it is anything else
  bool is_link = false;
};

Found find(const Merged& within, const std::string& name) {
  Found found;
  for (const auto& layer : within) {
    Descriptor entry(::openat(layer.get(), name.c_str(), kLook));
    struct stat status {};
    if (!entry) continue;
    if (::fstat(entry.get(), &status) != 0 || is_whiteout(status)) break;
    if (S_ISDIR(status.st_mode)) {
      found.directory.push_back(std::move(entry));
      continue;
    }
    if (!found.directory.empty()) break;
    found.is_link = S_ISLNK(status.st_mode);
    if (found.is_link || S_ISREG(status.st_mode)) found.other = std::move(entry);
    break;
  }
  return found;
}

std::string target_of(const Descriptor& link) {
  std::array<char, PATH_MAX> target;
  const auto size = ::readlinkat(link.get(), "", target.data(), target.size());
  return {target.data(), size < 0 ? 0 : static_cast<std::size_t>(size)};
}

Descriptor reopen(const Descriptor& file) {
  const auto path = "/proc/self/fd/" + std::to_string(file.get());
  return Descriptor(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
}

}  // namespace

std::vector<std::string> directories_of(const Mounts& mounts) {
  constexpr std::string_view kLower = "lowerdir=";
  constexpr std::string_view kUpper = "upperdir=";
  if (mounts.size() != 1) return {};
  const auto& mount = mounts[0];
  if (mount.type() == "bind") return {mount.source()};
  if (mount.type() != "overlay") return {};
  std::vector<std::string> directories;
  for (const auto& option : mount.options()) {
    if (option.starts_with(kUpper)) {
      directories.insert(directories.begin(), option.substr(kUpper.size()));
    } else if (option.starts_with(kLower)) {
      for (auto& each : split(std::string_view(option).substr(kLower.size()), ':')) {
        directories.push_back(std::move(each));
      }
    }
  }
  return directories;
}

Layers::Layers(const std::vector<std::string>& directories) {
  for (const auto& directory : directories) {
    roots_.emplace_back(::open(directory.c_str(), kLook | O_DIRECTORY));
    if (roots_.back()) continue;
    roots_.clear();
    return;
  }
}

Descriptor Layers::open(const std::string& path) const {
  std::vector<Merged> entered;  // below the root, the innermost last
  auto parts = split(path, '/');
  std::deque<std::string> ahead(parts.begin(), parts.end());
  int links = 0;
  while (!ahead.empty()) {
    const auto name = std::move(ahead.front());
    ahead.pop_front();
    if (name == ".") continue;
    if (name == "..") {
      if (!entered.empty()) entered.pop_back();
      continue;
    }
    auto found = find(entered.empty() ? roots_ : entered.back(), name);
    if (!found.directory.empty()) {
      entered.push_back(std::move(found.directory));
    } else if (found.is_link && ++links <= kLinksMax) {
      const auto target = target_of(found.other);
      if (target.starts_with('/')) entered.clear();
      parts = split(target, '/');
      ahead.insert(ahead.begin(), parts.begin(), parts.end());
    } else {
      const bool is_file = found.other && !found.is_link && ahead.empty();
      return is_file ? reopen(found.other) : Descriptor();
    }
  }
  return {};
}

}  // namespace mayfly::containerd
