#include "runtime/docker/profiles.h"

#include <sys/mman.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <string_view>

#include "runtime/oci/image.h"
#include "runtime/oci/seccomp.h"

namespace mayfly::docker {
namespace {

runtime::Descriptor file_of(std::string_view bytes) {
  runtime::Descriptor file(memfd_create("mayfly-seccomp", MFD_CLOEXEC));
  while (file && !bytes.empty()) {
    const auto written = write(file.get(), bytes.data(), bytes.size());
    if (written <= 0) return {};
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return file;
}

}  // namespace

std::string Profiles::path(const std::vector<std::string>& capabilities) {
  auto found = profiles_.find(capabilities);
  if (found == profiles_.end()) {
    if (profiles_.size() >= kProfilesMax) profiles_.clear();
    const auto architecture = oci::host_architecture() == "arm64" ? oci::Architecture::kArm64
                                                                  : oci::Architecture::kX86_64;
    auto file = file_of(oci::seccomp_profile(architecture, capabilities).dump());
    if (!file) return {};
    found = profiles_.emplace(capabilities, std::move(file)).first;
  }
  return "/proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(found->second.get());
}

}  // namespace mayfly::docker
