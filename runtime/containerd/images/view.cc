#include "runtime/containerd/images/view.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "runtime/containerd/images/layers.h"
#include "runtime/descriptor.h"

namespace mayfly::containerd {
namespace {

using runtime::Descriptor;

constexpr std::size_t kFileBytesMax = 1 << 20;
constexpr const char* kPasswd = "etc/passwd";
constexpr const char* kGroup = "etc/group";

// The mount happens in a mount namespace that ends with the thread, on a directory that is always
// there: nobody else sees it, and no crash leaves it behind.
constexpr const char* kMountPoint = "/tmp";

/// An overlay's option string is limited to a page, which many layers exceed by repeating the same
/// directory: they are given relative to it instead, as containerd itself does.
std::string shorten_lower_dirs(std::string option) {
  constexpr std::string_view kName = "lowerdir=";
  if (!option.starts_with(kName)) return option;
  const auto first_end = option.find("/snapshots/");
  if (first_end == std::string::npos) return option;
  const auto base = option.substr(kName.size(), first_end + 11 - kName.size());
  if (chdir(base.c_str()) != 0) return option;
  for (auto at = option.find(base); at != std::string::npos; at = option.find(base, at)) {
    option.erase(at, base.size());
  }
  return option;
}

struct MountOptions {
  unsigned long flags = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC;
  std::string rest;
};

MountOptions read_options(const wire::Mount& mount) {
  MountOptions options;
  for (const auto& option : mount.options()) {
    if (option == "ro" || option == "rw") continue;
    if (option == "bind") {
      options.flags |= MS_BIND;
    } else if (option == "rbind") {
      options.flags |= MS_BIND | MS_REC;
    } else {
      options.rest += (options.rest.empty() ? "" : ",") + shorten_lower_dirs(option);
    }
  }
  return options;
}

bool mount_all(const Mounts& mounts) {
  if (unshare(CLONE_NEWNS) != 0) return false;
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return false;
  for (const auto& mount : mounts) {
    const auto options = read_options(mount);
    if (::mount(mount.source().c_str(), kMountPoint, mount.type().c_str(), options.flags,
                options.rest.c_str()) != 0) {
      return false;
    }
  }
  return !mounts.empty();
}

/// Symbolic links in the image lead nowhere but into the image.
Descriptor open_inside(int root, const char* path) {
  open_how how{};
  how.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  return Descriptor(static_cast<int>(syscall(SYS_openat2, root, path, &how, sizeof how)));
}

std::string read_all(const Descriptor& file) {
  std::string text;
  struct stat status {};
  const bool plain = file && fstat(file.get(), &status) == 0 && S_ISREG(status.st_mode);
  std::array<char, 64 * 1024> buffer{};
  while (plain && text.size() < kFileBytesMax) {
    const auto size = ::read(file.get(), buffer.data(), buffer.size());
    if (size <= 0) break;
    text.append(buffer.data(), static_cast<std::size_t>(size));
  }
  return text.size() < kFileBytesMax ? text : std::string();
}

/// None where mounting is not permitted.
std::optional<oci::Accounts> accounts_mounted(const Mounts& mounts) {
  std::optional<oci::Accounts> accounts;
  std::thread([&] {
    if (!mount_all(mounts)) return;
    const Descriptor root(open(kMountPoint, O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!root) return;
    accounts = {read_all(open_inside(root.get(), kPasswd)),
                read_all(open_inside(root.get(), kGroup))};
  }).join();
  return accounts;
}

}  // namespace

oci::Accounts accounts_in(const Mounts& mounts) {
  if (auto accounts = accounts_mounted(mounts)) return *std::move(accounts);
  const Layers layers(directories_of(mounts));
  return {read_all(layers.open(kPasswd)), read_all(layers.open(kGroup))};
}

}  // namespace mayfly::containerd
