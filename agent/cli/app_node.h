// The verbs of the node itself, on the command line.
#pragma once

#include <functional>

#include "agent/cli/verbs.h"

namespace CLI {
class App;
}

namespace mayfly::cli {

/// `choose` is called with what the verb that was given does.
void add_node(CLI::App& app, std::function<void(std::function<Outcome(Context&)>)> choose);

}  // namespace mayfly::cli
