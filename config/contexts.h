// How the command reaches the etcds of its clusters: a file with a section for each, or the
// environment. The keys, their checks and what is said of a bad one are those of [coordinator].
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "config/coordinator.h"
#include "config/load.h"

namespace mayfly::config {

/// By the names that `--cluster` takes.
using Contexts = std::map<std::string, Coordinator>;

/// Of several files that have a section of one name, the first counts. A file that is not there is
/// a fault.
[[nodiscard]] tl::expected<Contexts, Faults> load_contexts(
    const std::vector<std::filesystem::path>& files);

[[nodiscard]] tl::expected<Contexts, Faults> parse_contexts(std::string_view text,
                                                            const std::string& file);

/// One cluster, of keys and values as texts: endpoints are parted by commas. `source` is what
/// faults say in place of a file.
[[nodiscard]] tl::expected<Coordinator, Faults> context_of(
    const std::map<std::string, std::string>& values, const std::string& cluster,
    const std::string& source);

}  // namespace mayfly::config
