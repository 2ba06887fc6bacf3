// A page of text, once or again and again in its own place.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "agent/cli/outcome.h"
#include "agent/cli/output.h"

namespace mayfly::cli {

using Page = std::function<Result<std::string>()>;

enum class Showing : std::uint8_t { kOnce, kAgain };

/// kAgain: every second, until nobody reads or a page fails.
[[nodiscard]] Outcome show_page(Output& out, const Page& page, Showing showing);

}  // namespace mayfly::cli
