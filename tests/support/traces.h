// What container runtimes leave on a host, found by the names that a test gave its own: processes,
// mounts, cgroups. Knows no runtime. Whoever made the names calls it.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace mayfly::support {

/// A folder of the test's own. Outside of the system's temporary folder none is made: the path of a
/// unix socket must stay short.
[[nodiscard]] std::string make_directory();

/// The file's text; empty when it is gone: processes and their files in /proc go at any moment.
[[nodiscard]] std::string slurp(const std::filesystem::path& file);

/// "KIND PATH" for each folder in the parent.
void add_folders(const std::string& kind, const std::filesystem::path& parent,
                 std::vector<std::string>& to);

/// The first container's or layer's id (64 hexadecimal digits) in the text; empty where is none.
[[nodiscard]] std::string find_id(const std::string& text);

/// Mount points below the folder, the folder itself apart; in the order they were made.
[[nodiscard]] std::vector<std::string> mounts_under(const std::string& directory);
void unmount_under(const std::string& directory);

/// The folders of this cgroup in all hierarchies. `parent` begins with a slash.
[[nodiscard]] std::vector<std::filesystem::path> cgroups_of(const std::string& parent);
/// Their direct children.
[[nodiscard]] std::vector<std::filesystem::path> cgroups_in(const std::string& parent);
void remove_cgroups(const std::string& parent);

/// Host pids of the processes in the cgroups below `parent`, those of a cgroup of the name `but`
/// apart.
[[nodiscard]] std::vector<pid_t> processes_in(const std::string& parent,
                                              const std::string& but = {});
/// Of the processes whose program's name contains `program` and that name `word` on their command
/// line.
[[nodiscard]] std::vector<pid_t> processes_naming(const std::string& program,
                                                  const std::string& word);
/// Kills what `found` finds until it finds nothing more. Gives up in the end.
void kill_all(const std::function<std::vector<pid_t>()>& found);

}  // namespace mayfly::support
