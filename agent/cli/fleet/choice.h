// Which cluster is meant and how its etcd is reached: by the environment, or by the files of
// contexts.
#pragma once

#include <string>

#include "agent/cli/outcome.h"
#include "config/contexts.h"

namespace mayfly::cli::fleet {

/// As the options and their environment say.
struct Choice {
  std::string cluster;   ///< "": none; the command is for this node
  std::string contexts;  ///< a file; "": the usual ones
};

/// REQUIRES: a cluster.
[[nodiscard]] Result<config::Coordinator> choose(const Choice& choice);

[[nodiscard]] Result<config::Contexts> known_contexts(const Choice& choice);

}  // namespace mayfly::cli::fleet
