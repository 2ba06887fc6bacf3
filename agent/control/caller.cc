#include "agent/control/caller.h"

#include <grp.h>
#include <sys/socket.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <charconv>

namespace mayfly::control {
namespace {

constexpr std::size_t kGroupBufferMax = 1024UL * 1024;
constexpr std::size_t kGroupsMax = 65'536;  // NGROUPS_MAX of the kernel

std::optional<std::vector<gid_t>> groups_of(int socket) {
  std::vector<gid_t> groups(64);
  while (true) {
    auto size = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
    if (getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &size) == 0) {
      groups.resize(size / sizeof(gid_t));
      return groups;
    }
    // The kernel answers with the size it needs.
    const std::size_t needed = size / sizeof(gid_t);
    if (errno != ERANGE || needed <= groups.size() || needed > kGroupsMax) return std::nullopt;
    groups.resize(needed);
  }
}

}  // namespace

std::optional<Caller> caller_of(int socket) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) return std::nullopt;
  auto groups = groups_of(socket);
  if (!groups) return std::nullopt;
  return Caller{credentials.uid, credentials.gid, credentials.pid, std::move(*groups)};
}

Access access_of(const Caller& caller, const Door& door) {
  if (caller.uid == 0 || caller.uid == geteuid()) return door.most;
  const auto is_in = [&caller](gid_t group) {
    const auto& groups = caller.groups;
    return caller.gid == group || std::find(groups.begin(), groups.end(), group) != groups.end();
  };
  return std::any_of(door.groups.begin(), door.groups.end(), is_in) ? door.most : Access::kNone;
}

std::optional<gid_t> find_group(const std::string& name) {
  if (name.empty()) return std::nullopt;
  gid_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error == std::errc() && end == name.data() + name.size()) return number;
  std::vector<char> buffer(4096);
  group entry{};
  group* found = nullptr;
  while (getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found) == ERANGE &&
         buffer.size() < kGroupBufferMax) {
    buffer.resize(buffer.size() * 2);
  }
  return found == nullptr ? std::nullopt : std::optional(found->gr_gid);
}

}  // namespace mayfly::control
