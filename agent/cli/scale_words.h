// The words of `scale`.
#pragma once

#include <string>
#include <vector>

#include "agent/cli/verbs.h"

namespace mayfly::cli {

/// "NAME N" or "NAME=N" ...
[[nodiscard]] Result<ScaleOptions> parse_scale(std::vector<std::string> words);

}  // namespace mayfly::cli
