// What may stand next on an unfinished command line, for the shells' completions. Verbs and options
// are told from the command's own description, so that none can be forgotten; refuses to know any
// of them by name.
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace mayfly::cli {

/// The first word of the question that the scripts ask: `mayfly __complete WORD…`, the last of the
/// words being the one that is written, perhaps empty.
inline constexpr const char* kCompleteWord = "__complete";

/// A line for each that fits: the word, a tab, what it is. ":file" and ":directory" stand for those
/// of the host. Names of pools, workers and images are the running daemon's, of the socket that the
/// words or the environment say, or the fleet's where they choose one; without a daemon or an etcd
/// there are none. Never fails.
[[nodiscard]] std::string complete(const CLI::App& app, const std::vector<std::string>& words);

/// The script for "bash", "zsh" or "fish"; "" for another shell.
[[nodiscard]] std::string completion_script(const std::string& shell);

}  // namespace mayfly::cli
