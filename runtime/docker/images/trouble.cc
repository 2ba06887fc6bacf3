#include "runtime/docker/images/trouble.h"

#include <algorithm>
#include <array>

namespace mayfly::docker {
namespace {

using runtime::FaultKind;

template <std::size_t count>
bool says_one_of(std::string_view message, const std::array<std::string_view, count>& texts) {
  return std::ranges::any_of(
      texts, [&](auto text) { return message.find(text) != std::string_view::npos; });
}

}  // namespace

FaultKind kind_of_pull_fault(std::string_view message) {
  constexpr std::array<std::string_view, 3> kAbsent{"manifest unknown", "name unknown",
                                                    "repository name not known"};
  constexpr std::array<std::string_view, 14> kRefusals{"unauthorized",
                                                       "authentication required",
                                                       "no basic auth credentials",
                                                       "incorrect username or password",
                                                       "denied",
                                                       "no matching manifest",
                                                       "no image found in",
                                                       "does not match the specified platform",
                                                       "verification failed",
                                                       "Digest did not match",
                                                       "does not match digest",
                                                       "invalid reference format",
                                                       "x509: ",
                                                       "server gave HTTP response to HTTPS client"};
  if (says_one_of(message, kAbsent)) return FaultKind::kNotFound;
  // A busy registry denies, too: "toomanyrequests: …".
  if (message.find("toomanyrequests") != std::string_view::npos) return FaultKind::kFailed;
  return says_one_of(message, kRefusals) ? FaultKind::kRefused : FaultKind::kFailed;
}

FaultKind kind_of_import_fault(std::string_view message) {
  constexpr std::array<std::string_view, 4> kHosts{
      "no space left on device", "i/o error", "read-only file system", "context deadline exceeded"};
  return says_one_of(message, kHosts) ? FaultKind::kFailed : FaultKind::kRefused;
}

}  // namespace mayfly::docker
