#include "agent/control_sockets.h"

#include <unistd.h>

namespace mayfly::agent {
namespace {

ControlSockets configured(const config::Control& config, const std::filesystem::path& run_dir) {
  const auto path = [&run_dir](const std::string& given, const char* name) {
    return given.empty() ? (run_dir / name).string() : given;
  };
  ControlSockets sockets;
  sockets.main = {path(config.socket, "mayfly.sock"), config.group};
  if (config.read_socket != config::kSocketNone) {
    sockets.read = {path(config.read_socket, "read.sock"), config.read_group};
  }
  return sockets;
}

/// What is wrong with it; "" = it was taken, or is not wanted.
std::string take(const systemd::ListenFd& socket, ControlSockets& sockets) {
  const bool main = socket.name == kControlSocketName;
  const std::string said = "the service manager hands over ";
  if (!main && socket.name != kReadSocketName) {
    return said + "a socket named \"" + socket.name +
           "\": its unit needs FileDescriptorName=control or FileDescriptorName=read";
  }
  if (!main && !sockets.read) {
    ::close(socket.fd);
    sockets.warnings.push_back(said +
                               "a read-only socket, but control.read_socket is \"none\": "
                               "nobody answers on it; disable its unit");
    return "";
  }
  int& taken = main ? sockets.main.handed_over : sockets.read->handed_over;
  if (taken >= 0) return said + "two sockets named \"" + socket.name + "\"; one is enough";
  taken = socket.fd;
  return "";
}

}  // namespace

tl::expected<ControlSockets, std::string> control_sockets(
    const config::Control& config, const std::filesystem::path& run_dir,
    const std::vector<systemd::ListenFd>& handed_over) {
  ControlSockets sockets = configured(config, run_dir);
  std::string fault;
  for (const systemd::ListenFd& socket : handed_over) {
    if (fault.empty()) fault = take(socket, sockets);
  }
  if (fault.empty() && sockets.read && sockets.read->path == sockets.main.path) {
    fault = "control.socket and control.read_socket are both " + sockets.main.path;
  }
  if (fault.empty()) return sockets;
  for (const systemd::ListenFd& socket : handed_over) ::close(socket.fd);
  return tl::unexpected(fault);
}

}  // namespace mayfly::agent
