#include "runtime/files/space.h"

namespace mayfly::files {

Space to_space(const struct statvfs& told) {
  const std::uint64_t used = std::uint64_t{told.f_blocks} - told.f_bfree;
  return {std::uint64_t{told.f_bavail} * told.f_frsize, (used + told.f_bavail) * told.f_frsize};
}

std::optional<Space> space_of(const std::string& path) {
  struct statvfs told {};
  if (path.empty() || statvfs(path.c_str(), &told) != 0) return std::nullopt;
  return to_space(told);
}

std::uint64_t free_percent(const Space& space) {
  if (space.total_bytes == 0) return 0;
  return static_cast<std::uint64_t>(100.0 * static_cast<double>(space.free_bytes) /
                                    static_cast<double>(space.total_bytes));
}

}  // namespace mayfly::files
