// A Podman API service of the test's own: storage, state, socket, configuration and cgroups that
// nobody else uses. Ended by pid; what the test leaves behind is found, reported and cleared away.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "tests/support/private_daemon.h"

namespace mayfly::support {

class PrivatePodman final : public PrivateDaemon {
 public:
  PrivatePodman();
  ~PrivatePodman() override;  ///< ends it, its conmons and their containers, and all their files

  [[nodiscard]] std::string socket() const override { return directory() + "/p.sock"; }
  /// Where images lie.
  [[nodiscard]] std::string storage() const { return directory() + "/root"; }

  /// Containers, volumes, conmons, mounts, cgroups, runc's state. Only what is in our cgroup_parent
  /// is seen of cgroups: Podman takes that from the request, not from its configuration.
  [[nodiscard]] std::vector<std::string> leftovers() const override;
  /// Without conmons.
  [[nodiscard]] std::vector<pid_t> container_processes() const override;

  /// What the podman command prints; it works on the same storage without the service. Its failure
  /// fails the test (an exception).
  std::string podman(const std::vector<std::string>& words) const;

 private:
  [[nodiscard]] std::vector<std::string> command() const override;
  [[nodiscard]] std::map<std::string, std::string> environment() const override;
  [[nodiscard]] bool serves() const override { return answers_ping(socket()); }
  [[nodiscard]] std::vector<std::string> base_command() const;
  [[nodiscard]] std::vector<pid_t> monitors() const;
  void write_configuration() const;
};

}  // namespace mayfly::support
