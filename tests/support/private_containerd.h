// A containerd of the test's own: root, state, socket and namespace that nobody else uses, ended by
// pid. What the test leaves behind is found, reported and cleared away.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "tests/support/private_daemon.h"

namespace mayfly::support {

class PrivateContainerd final : public PrivateDaemon {
 public:
  PrivateContainerd();
  ~PrivateContainerd() override;  ///< ends it, its shims and their containers, and all their files

  [[nodiscard]] std::string socket() const override { return directory() + "/c.sock"; }
  [[nodiscard]] const std::string& name_space() const { return unique(); }

  /// Shims, mounts, cgroups, runc's and containerd's state.
  [[nodiscard]] std::vector<std::string> leftovers() const override;
  /// Pids of the shims that serve this containerd.
  [[nodiscard]] std::vector<pid_t> shims() const;

 private:
  [[nodiscard]] std::vector<std::string> command() const override;
  [[nodiscard]] bool serves() const override { return connects(socket()); }
  [[nodiscard]] std::vector<std::string> state_folders() const;
};

}  // namespace mayfly::support
