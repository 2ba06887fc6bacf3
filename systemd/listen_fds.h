// Sockets that a service manager opened and handed over to this process, as sd_listen_fds(3) has
// them. None where there is no such manager.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <vector>

namespace mayfly::systemd {

struct ListenFd {
  std::string name;  ///< FileDescriptorName= of its socket unit
  int fd = -1;       ///< close-on-exec; the receiver closes it
};

/// Takes them out of the environment, so that no child believes them its own. Once, before there
/// are threads. Error: the manager's words cannot be read.
[[nodiscard]] tl::expected<std::vector<ListenFd>, std::string> take_listen_fds();

}  // namespace mayfly::systemd
