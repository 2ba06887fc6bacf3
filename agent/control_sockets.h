// Which control sockets there shall be: those of the configuration, or those that the service
// manager hands over in their place.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "agent/control/server.h"
#include "config/document.h"
#include "systemd/listen_fds.h"

namespace mayfly::agent {

/// FileDescriptorName= of the socket units.
inline constexpr const char* kControlSocketName = "control";
inline constexpr const char* kReadSocketName = "read";

struct ControlSockets {
  control::SocketOptions main;
  std::optional<control::SocketOptions> read;
  std::vector<std::string> warnings;
};

/// Error: one line, what cannot be taken and what to do. What is not used of `handed_over` is
/// closed.
[[nodiscard]] tl::expected<ControlSockets, std::string> control_sockets(
    const config::Control& config, const std::filesystem::path& run_dir,
    const std::vector<systemd::ListenFd>& handed_over);

}  // namespace mayfly::agent
