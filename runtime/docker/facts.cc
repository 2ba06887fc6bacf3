#include "runtime/docker/facts.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "runtime/docker/json.h"

namespace mayfly::docker {
namespace {

struct ApiVersion {
  int major = 0;
  int minor = 0;
  auto operator<=>(const ApiVersion&) const = default;
  [[nodiscard]] std::string text() const {
    return std::to_string(major) + "." + std::to_string(minor);
  }
};

constexpr ApiVersion kOldest{1, 40};  ///< Docker 19.03
// The newest that is used. Docker 29 serves none below it.
constexpr ApiVersion kNewest{1, 44};

std::optional<ApiVersion> parse_version(std::string_view text) {
  ApiVersion version;
  const auto* end = text.data() + text.size();
  const auto major = std::from_chars(text.data(), end, version.major);
  if (major.ec != std::errc() || major.ptr == end || *major.ptr != '.') return std::nullopt;
  const auto minor = std::from_chars(major.ptr + 1, end, version.minor);
  if (minor.ec != std::errc() || minor.ptr != end) return std::nullopt;
  return version;
}

const std::string* find_header(const http::Headers& headers, std::string_view name) {
  const auto found = std::ranges::find(headers, name, &http::Headers::value_type::first);
  return found == headers.end() ? nullptr : &found->second;
}

constexpr std::string_view kSlice = ".slice";

/// systemd's way from the root to a slice: "a-b.slice" is "/a.slice/a-b.slice".
std::string slice_path(const std::string& slice) {
  std::string path;
  const auto name = slice.substr(0, slice.size() - kSlice.size());
  for (auto dash = name.find('-'); dash != std::string::npos; dash = name.find('-', dash + 1)) {
    path += "/" + name.substr(0, dash) + std::string(kSlice);
  }
  return path + "/" + slice;
}

bool is_slice_name(std::string_view name) {
  constexpr std::string_view kPlain =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.:";
  return !name.empty() && name.find_first_not_of(kPlain) == std::string_view::npos &&
         !name.starts_with('-') && !name.ends_with('-') &&
         name.find("--") == std::string_view::npos;
}

}  // namespace

tl::expected<Facts, std::string> read_ping(const http::Headers& headers) {
  const auto* told = find_header(headers, "api-version");
  const auto newest = parse_version(told != nullptr ? *told : "");
  if (!newest) return tl::unexpected(std::string("its answer tells no API version"));
  const auto api = std::min(*newest, kNewest);
  if (api < kOldest) {
    return tl::unexpected("it speaks API " + newest->text() + " at most, and " + kOldest.text() +
                          " is the least that will do (Docker 19.03)");
  }
  Facts facts;
  facts.is_podman = find_header(headers, "libpod-api-version") != nullptr;
  facts.api = api.text();
  return facts;
}

tl::expected<void, std::string> read_info(std::string_view body, Facts& facts) {
  const auto document = parse(body);
  if (!document.is_object())
    return tl::unexpected(std::string("its answer tells nothing of itself"));
  facts.version = text(document, "ServerVersion");
  facts.storage = text(document, "DockerRootDir");
  facts.live_restore = is_true(document, "LiveRestoreEnabled");
  facts.systemd_cgroups = text(document, "CgroupDriver") == "systemd";
  return {};
}

tl::expected<std::string, std::string> cgroup_parent(const std::string& path, const Facts& facts) {
  if (!facts.systemd_cgroups) return path;
  auto name = path.substr(std::min(path.find_first_not_of('/'), path.size()));
  if (name.ends_with(kSlice)) name.resize(name.size() - kSlice.size());
  std::ranges::replace(name, '/', '-');
  if (is_slice_name(name)) return name + std::string(kSlice);
  return tl::unexpected("cgroup_parent = \"" + path + "\" is no name of a systemd slice, and " +
                        facts.name() + " leaves cgroups to systemd here; \"/mayfly\" is one");
}

std::string cgroup_of(const std::string& parent, const std::string& id, const Facts& facts) {
  const auto name = facts.is_podman ? "libpod-" + id : id;
  if (!facts.systemd_cgroups) return parent + "/" + name;
  return slice_path(parent) + "/" + (facts.is_podman ? name : "docker-" + id) + ".scope";
}

}  // namespace mayfly::docker
