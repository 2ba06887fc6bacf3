// The command line: what verbs there are and what each takes.
#pragma once

namespace mayfly::cli {

/// Parses, runs, prints; returns the exit code. Never throws.
[[nodiscard]] int run(int argc, const char* const* argv);

}  // namespace mayfly::cli
