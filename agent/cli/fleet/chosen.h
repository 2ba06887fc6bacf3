// The context that a person chose once for all: its name, in a file of the user's own. Refuses to
// know whether there is such a context.
#pragma once

#include <filesystem>
#include <string>

#include "agent/cli/outcome.h"

namespace mayfly::cli::fleet {

/// Of the environment; "": it is not set, or empty.
[[nodiscard]] std::string variable(const char* name);

/// Where a user's files of this command are; "": there is no place for any.
[[nodiscard]] std::filesystem::path user_folder();

/// "": none was chosen.
[[nodiscard]] std::string chosen_context();

/// The file is as it was, or has the name whole.
[[nodiscard]] Outcome keep_chosen_context(const std::string& name);

}  // namespace mayfly::cli::fleet
