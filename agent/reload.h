// The daemon's configuration read again while it runs: what applies at once is handed to its
// owners, of what needs a restart a warning stays, and one that is refused changes nothing. Owned
// by the daemon.
#pragma once

#include <filesystem>
#include <string>
#include <tl/expected.hpp>

#include "agent/control/operations.h"
#include "agent/desired.h"
#include "agent/images.h"
#include "agent/inbox.h"
#include "agent/service.h"
#include "config/document.h"

namespace mayfly::agent {

class Reload {
 public:
  struct Parts {
    Service& service;
    Inbox& inbox;
    Images& images;
    Desired& desired;
    control::NodeStatus& node;  ///< its warnings and its fault are kept up to date here
  };

  /// All parts outlive this. `in_force`: the configuration as of the start.
  Reload(Parts parts, std::filesystem::path file, config::Daemon in_force);

  /// The file's name; the error is what is wrong with it, a line each.
  tl::expected<std::string, std::string> run();

 private:
  void warn_of_restart(const config::Daemon& wanted);

  Parts parts_;
  std::filesystem::path file_;
  config::Daemon in_force_;
};

/// What the node's cpus and the configuration allow.
[[nodiscard]] core::Limits limits_of(const config::Daemon& daemon);
[[nodiscard]] ImagePolicy policy_of(const config::Images& images);

}  // namespace mayfly::agent
