// All that is wrong with a document, where there is room for one line.
#pragma once

#include <string>

#include "config/load.h"

namespace mayfly::config {

/// The first of them, and how many more there are.
[[nodiscard]] std::string in_one_line(const Faults& faults);

}  // namespace mayfly::config
