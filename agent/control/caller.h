// Who is on the other end of a connection, as the kernel says it.
#pragma once

#include <sys/types.h>
#include <optional>
#include <string>
#include <vector>

#include "agent/control/http.h"

namespace mayfly::control {

struct Caller {
  uid_t uid = 0;
  gid_t gid = 0;
  pid_t pid = 0;
  std::vector<gid_t> groups;  ///< supplementary, as they were when it connected
};

/// Nothing: the kernel does not say, and the connection must not be served.
[[nodiscard]] std::optional<Caller> caller_of(int socket);

/// A way in. Root, this process's own user and members of one of the groups may do `most`; nobody
/// else may do anything.
struct Door {
  Access most = Access::kNone;
  std::vector<gid_t> groups;
};

[[nodiscard]] Access access_of(const Caller& caller, const Door& door);

/// By its name, or its number, which need not have a name.
[[nodiscard]] std::optional<gid_t> find_group(const std::string& name);

}  // namespace mayfly::control
