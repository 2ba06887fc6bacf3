// The shape of the file, and how files of earlier versions are brought to it. Internal to
// agent/store.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <tl/expected.hpp>

#include "agent/store/database.h"

namespace mayfly::store {

/// Each step takes the file from the version of its index to the next. Never change one that was
/// released: add another.
[[nodiscard]] std::span<const char* const> migrations();

/// Opens the file, makes it if it is absent, and brings it to the newest version of `steps`. Error:
/// one line that names the file and says what to do.
[[nodiscard]] tl::expected<Database, std::string> open_database(
    const std::filesystem::path& file, std::span<const char* const> steps = migrations());

/// The line for a failure of this file.
[[nodiscard]] std::string explain(const std::filesystem::path& file, const Failure& failure);

}  // namespace mayfly::store
