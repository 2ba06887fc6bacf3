#include "systemd/listen_fds.h"

#include <systemd/sd-daemon.h>

#include <cstdlib>
#include <cstring>

namespace mayfly::systemd {

tl::expected<std::vector<ListenFd>, std::string> take_listen_fds() {
  constexpr int kUnsetEnvironment = 1;
  char** names = nullptr;
  const int count = sd_listen_fds_with_names(kUnsetEnvironment, &names);
  if (count < 0) {
    return tl::unexpected("LISTEN_FDS of the service manager: " +
                          std::string(std::strerror(-count)));
  }
  std::vector<ListenFd> sockets;
  for (int i = 0; i < count; ++i) {
    sockets.push_back(
        {names != nullptr && names[i] != nullptr ? names[i] : "", SD_LISTEN_FDS_START + i});
    if (names != nullptr) std::free(names[i]);
  }
  std::free(names);
  return sockets;
}

}  // namespace mayfly::systemd
