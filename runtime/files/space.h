// The room on a disk.
#pragma once

#include <sys/statvfs.h>

#include <cstdint>
#include <optional>
#include <string>

namespace mayfly::files {

/// As df tells it: blocks that the file system keeps back for itself count neither as free nor as
/// part of the whole, for no image ever gets them.
struct Space {
  std::uint64_t free_bytes = 0;
  std::uint64_t total_bytes = 0;
};

/// Of the disk that `path` lies on. None: there is no such path, or it may not be asked.
[[nodiscard]] std::optional<Space> space_of(const std::string& path);
[[nodiscard]] Space to_space(const struct statvfs& told);

/// In whole percent, 0 to 100. A disk of no size is full.
[[nodiscard]] std::uint64_t free_percent(const Space& space);

}  // namespace mayfly::files
