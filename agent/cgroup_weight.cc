#include "agent/cgroup_weight.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <system_error>

namespace mayfly::agent {
namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t kWeightUsual = 100;
constexpr std::uint32_t kSharesUsual = 1024;

tl::expected<void, std::string> write(const fs::path& file, const std::string& value) {
  errno = 0;
  std::ofstream out(file);
  out << value << std::flush;
  if (out) return {};
  return tl::unexpected(file.string() + ": " + std::strerror(errno));
}

/// On v2 a cgroup has the files of a controller when its parent hands it down.
void hand_cpu_down(const fs::path& root, const fs::path& below) {
  fs::path cgroup = root;
  for (const fs::path& part : below) {
    (void)write(cgroup / "cgroup.subtree_control", "+cpu");  // that it failed shows in the weight
    cgroup /= part;
  }
}

}  // namespace

tl::expected<void, std::string> weigh_cgroup(const std::string& path, std::uint32_t weight,
                                             const fs::path& root) {
  std::error_code error;
  const fs::path below = fs::path(path).relative_path();
  const bool unified = fs::exists(root / "cgroup.controllers", error);
  const fs::path cgroup = (unified ? root : root / "cpu") / below;
  fs::create_directories(cgroup, error);
  if (error) return tl::unexpected(cgroup.string() + ": " + error.message());
  if (unified) {
    hand_cpu_down(root, below);
    return write(cgroup / "cpu.weight", std::to_string(weight));
  }
  const std::uint64_t shares = std::uint64_t{weight} * kSharesUsual / kWeightUsual;
  return write(cgroup / "cpu.shares", std::to_string(shares));
}

}  // namespace mayfly::agent
