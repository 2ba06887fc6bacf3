// The container runtime: whether it is there, how old it is, what it says of itself.
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>

#include "agent/doctor/check.h"
#include "config/load.h"

namespace mayfly::doctor {
namespace {

struct Version {
  int major = 0;
  int minor = 0;
  auto operator<=>(const Version&) const = default;
};

struct Oldest {
  std::string_view runtime;
  Version version;
  std::string_view package;
};

constexpr std::array<Oldest, 3> kOldest{{{"containerd", {1, 6}, "containerd"},
                                         {"docker", {20, 10}, "docker.io"},
                                         {"podman", {4, 0}, "podman"}}};

/// "1.6.20~ds1" → 1.6; "v2.0.0" → 2.0
std::optional<Version> parse_version(std::string_view text) {
  if (text.starts_with('v')) text.remove_prefix(1);
  Version version;
  const char* const end = text.data() + text.size();
  const auto [dot, error] = std::from_chars(text.data(), end, version.major);
  if (error != std::errc{} || dot == end || *dot != '.') return std::nullopt;
  if (std::from_chars(dot + 1, end, version.minor).ec != std::errc{}) return std::nullopt;
  return version;
}

std::string start_command(const config::Runtime& runtime) {
  if (runtime.kind == config::kPodman) return "systemctl enable --now podman.socket";
  return "systemctl enable --now " + runtime.kind;
}

Check check_version(const Answer& answer) {
  Check check{"runtime version", Status::kOk, answer.runtime + " " + answer.version, ""};
  for (const Oldest& oldest : kOldest) {
    if (oldest.runtime != answer.runtime) continue;
    const auto version = parse_version(answer.version);
    if (!version || *version >= oldest.version) return check;
    check.status = Status::kFailed;
    check.what += " is older than " + std::to_string(oldest.version.major) + "." +
                  std::to_string(oldest.version.minor) + ", the oldest that Mayfly works with";
    check.fix = "apt-get install --only-upgrade " + std::string(oldest.package);
  }
  return check;
}

}  // namespace

Check check_socket(const Host& host, const config::Runtime& runtime) {
  const std::string socket = config::socket_of(runtime);
  const int error = host.connect(host.root + socket);
  Check check{"runtime socket", Status::kFailed, socket + ": " + std::strerror(error), ""};
  switch (error) {
    case 0:
      return {check.name, Status::kOk, socket + " takes connections", ""};
    case EACCES:
    case EPERM:
      check.fix = "run as root";
      return check;
    case ENOENT:
      check.fix = start_command(runtime) + "; or name its socket with runtime.socket";
      return check;
    default:
      check.fix = start_command(runtime);
      return check;
  }
}

std::vector<Check> check_answer(const Answer& answer) {
  std::vector<Check> checks{check_version(answer)};
  for (const auto& [what, fix] : answer.warnings) {
    checks.push_back({"runtime setting", Status::kWarning, what, fix});
  }
  return checks;
}

}  // namespace mayfly::doctor
