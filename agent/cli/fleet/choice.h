// Which cluster is meant and how its etcd is reached: by the environment, or by the files of
// contexts.
#pragma once

#include <string>

#include "agent/cli/outcome.h"
#include "config/contexts.h"

namespace mayfly::cli::fleet {

/// As the options and their environment say.
struct Choice {
  std::string cluster;   ///< "": the context that was chosen, else the only one
  std::string contexts;  ///< a file; "": the usual ones
};

/// Error: which clusters there are, and how one is named.
[[nodiscard]] Result<config::Coordinator> choose(const Choice& choice);

[[nodiscard]] Result<config::Contexts> known_contexts(const Choice& choice);
/// The name of the one of them that choose() takes; "": none.
[[nodiscard]] std::string meant_context(const Choice& choice, const config::Contexts& contexts);

/// From now on, where no cluster is named: the context of that name.
[[nodiscard]] Outcome choose_from_now_on(const Choice& choice, const std::string& name);

}  // namespace mayfly::cli::fleet
