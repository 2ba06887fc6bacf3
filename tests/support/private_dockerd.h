// A dockerd of the test's own beside a containerd of its own: folders, socket, containerd namespace
// and cgroups that nobody else uses, no bridge, no firewall rules. Ended by pid; what the test
// leaves behind is found, reported and cleared away.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/support/private_containerd.h"
#include "tests/support/private_daemon.h"

namespace mayfly::support {

class PrivateDockerd final : public PrivateDaemon {
 public:
  enum class LiveRestore : std::uint8_t { kOff, kOn };

  explicit PrivateDockerd(LiveRestore live_restore = LiveRestore::kOn);
  ~PrivateDockerd() override;  ///< ends it, its containerd, their containers, and all their files

  [[nodiscard]] std::string socket() const override { return directory() + "/d.sock"; }
  /// Where images lie.
  [[nodiscard]] std::string storage() const { return directory() + "/data"; }
  [[nodiscard]] PrivateContainerd& containerd() { return containerd_; }

  /// Containers, their layers, volumes, shims, mounts, cgroups, runc's state.
  [[nodiscard]] std::vector<std::string> leftovers() const override;

  /// What the docker command prints. Its failure fails the test (an exception).
  std::string docker(std::vector<std::string> words) const;

 private:
  [[nodiscard]] std::vector<std::string> command() const override;
  [[nodiscard]] bool serves() const override { return answers_ping(socket()); }

  LiveRestore live_restore_;
  PrivateContainerd containerd_;
};

}  // namespace mayfly::support
