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

std::string Profiles::profile(const std::vector<std::string>& capabilities, As as) {
  if (profiles_.size() >= kProfilesMax && !profiles_.contains(capabilities)) profiles_.clear();
  auto& profile = profiles_[capabilities];
  if (profile.text.empty()) {
    const auto architecture = oci::host_architecture() == "arm64" ? oci::Architecture::kArm64
                                                                  : oci::Architecture::kX86_64;
    profile.text = oci::seccomp_profile(architecture, capabilities).dump();
  }
  if (as == As::kText) return profile.text;
  if (!profile.file) profile.file = file_of(profile.text);
  if (!profile.file) return {};
  return "/proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(profile.file.get());
}

}  // namespace mayfly::docker
