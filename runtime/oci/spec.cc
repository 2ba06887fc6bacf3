#include "runtime/oci/spec.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string_view>

namespace mayfly::oci {
namespace {

using nlohmann::json;
using runtime::ContainerSpec;
using runtime::Network;

constexpr const char* kVersion = "1.0.2";
constexpr const char* kDefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
constexpr std::size_t kHostnameMax = 63;
constexpr double kCpuPeriodUs = 100'000;
constexpr double kCpuQuotaMinUs = 1'000;  ///< the kernel takes no less

// Paths of the host's kernel that tell or change more than a container should.
constexpr std::array kMasked{"/proc/acpi",        "/proc/asound",  "/proc/interrupts",
                             "/proc/kcore",       "/proc/keys",    "/proc/latency_stats",
                             "/proc/sched_debug", "/proc/scsi",    "/proc/timer_list",
                             "/proc/timer_stats", "/sys/firmware", "/sys/devices/virtual/powercap"};
constexpr std::array kReadOnly{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
                               "/proc/sysrq-trigger"};

using Env = std::vector<std::pair<std::string, std::string>>;

void set(Env& env, const std::string& name, const std::string& value) {
  const auto found = std::ranges::find(env, name, &Env::value_type::first);
  if (found == env.end()) {
    env.emplace_back(name, value);
  } else {
    found->second = value;
  }
}

void set_if_absent(Env& env, const std::string& name, const std::string& value) {
  if (std::ranges::find(env, name, &Env::value_type::first) == env.end()) {
    env.emplace_back(name, value);
  }
}

json environment(const ContainerSpec& container, const ImageConfig& image, const User& user) {
  Env env;
  for (const auto& [name, value] : image.env) set(env, name, value);
  for (const auto& [name, value] : container.env) set(env, name, value);
  set_if_absent(env, "PATH", kDefaultPath);
  set_if_absent(env, "HOME", user.home);
  json list = json::array();
  for (const auto& [name, value] : env) list.push_back(name + "=" + value);
  return list;
}

const std::string& first_of(const std::string& wanted, const std::string& otherwise) {
  return wanted.empty() ? otherwise : wanted;
}

json process(const ContainerSpec& container, const ImageConfig& image, const User& user) {
  const auto& kept = container.security.capabilities;
  static const std::string kRoot = "/";
  return {
      {"terminal", false},
      {"user", {{"uid", user.uid}, {"gid", user.gid}, {"additionalGids", user.additional_gids}}},
      {"args", arguments(container, image)},
      {"env", environment(container, image, user)},
      {"cwd", first_of(first_of(container.working_directory, image.working_directory), kRoot)},
      // None is inheritable: a program would get them back by executing a file that says so.
      {"capabilities", {{"bounding", kept}, {"effective", kept}, {"permitted", kept}}},
      {"noNewPrivileges", container.security.no_new_privileges},
      // Said outright, or it would be the shim's, which is the daemon's: nearly unkillable.
      {"oomScoreAdj", 0},
  };
}

json mount(const char* target, const char* type, const char* source, json options) {
  return {{"destination", target}, {"type", type}, {"source", source}, {"options", options}};
}

json bind(const std::string& source, const std::string& target, const char* access) {
  return {{"destination", target},
          {"type", "bind"},
          {"source", source},
          {"options", {"rbind", "rprivate", "nosuid", "nodev", access}}};
}

json mounts(const ContainerSpec& container, const Host& host) {
  json list{
      mount("/proc", "proc", "proc", {"nosuid", "noexec", "nodev"}),
      mount("/dev", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}),
      mount("/dev/pts", "devpts", "devpts",
            {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}),
      mount("/dev/shm", "tmpfs", "shm", {"nosuid", "noexec", "nodev", "mode=1777", "size=65536k"}),
      mount("/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"}),
      mount("/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", "ro"}),
  };
  // With the unified hierarchy one mount shows a program its limits. The old ones would take a
  // dozen, and each makes every exit slower: the kernel takes them down before anybody hears of the
  // exit.
  if (host.cgroup_v2) {
    list.push_back(mount("/sys/fs/cgroup", "cgroup", "cgroup",
                         {"nosuid", "noexec", "nodev", "relatime", "ro"}));
  }
  if (container.network.kind == Network::Kind::kHost) {
    for (const auto& file : host.network_files) list.push_back(bind(file, file, "ro"));
  }
  for (const auto& [source, target, read_only] : container.mounts) {
    list.push_back(bind(source, target, read_only ? "ro" : "rw"));
  }
  return list;
}

json resources(const ContainerSpec& container, const Host& host) {
  const auto& asked = container.resources;
  // runc adds the few devices that every container has (null, zero, random, tty, …).
  json limits{{"devices", json::array({{{"allow", false}, {"access", "rwm"}}})},
              {"pids", {{"limit", asked.pids}}}};
  if (asked.memory_bytes) {
    limits["memory"] = {{"limit", *asked.memory_bytes}};
    // One process killed out of several leaves a worker that is neither alive nor dead.
    if (host.cgroup_v2) limits["unified"] = {{"memory.oom.group", "1"}};
  }
  if (asked.cpu) {
    const auto [quota, period] = cpu_quota(*asked.cpu);
    limits["cpu"] = {{"quota", quota}, {"period", period}};
  }
  return limits;
}

json namespaces(const ContainerSpec& container, const Host& host) {
  json list = json::array();
  for (const auto* type : {"pid", "mount", "ipc", "uts"}) list.push_back({{"type", type}});
  if (container.network.kind != Network::Kind::kHost) list.push_back({{"type", "network"}});
  if (host.cgroup_v2) list.push_back({{"type", "cgroup"}});
  return list;
}

json kernel(const ContainerSpec& container, const Host& host) {
  return {{"cgroupsPath", host.cgroup_parent + "/" + container.name},
          {"resources", resources(container, host)},
          {"namespaces", namespaces(container, host)},
          {"maskedPaths", kMasked},
          {"readonlyPaths", kReadOnly}};
}

/// The text of an object that is not empty, with one member more, whose value is text already.
std::string with_member(std::string object, std::string_view name, std::string_view value) {
  object.pop_back();
  object.append(",\"").append(name).append("\":").append(value).append("}");
  return object;
}

}  // namespace

std::vector<std::string> arguments(const ContainerSpec& container, const ImageConfig& image) {
  auto list = container.entrypoint;
  const auto append = [&](const std::vector<std::string>& words) {
    list.insert(list.end(), words.begin(), words.end());
  };
  if (container.command.empty()) {
    append(image.entrypoint);
    append(image.cmd);
  } else {
    append(container.command);
  }
  return list;
}

std::string fault_of(const ContainerSpec& container, const ImageConfig& image) {
  if (container.command.empty() && image.entrypoint.empty() && image.cmd.empty()) {
    return "neither the pool nor the image names a command";
  }
  const auto& cwd = first_of(container.working_directory, image.working_directory);
  if (!cwd.empty() && cwd[0] != '/') return "the working directory is not absolute: " + cwd;
  for (const auto& one : container.mounts) {
    if (!one.source.starts_with('/') || !one.target.starts_with('/')) {
      return "a mount is not absolute: " + one.source + " at " + one.target;
    }
  }
  if (const auto& cpu = container.resources.cpu; cpu && !(*cpu > 0 && *cpu < 1e6)) {
    return "cpu is not a number of cores";
  }
  return {};
}

CpuQuota cpu_quota(double cpu) {
  const auto quota = std::max(kCpuQuotaMinUs, std::round(cpu * kCpuPeriodUs));
  return {static_cast<std::int64_t>(quota), static_cast<std::int64_t>(kCpuPeriodUs)};
}

std::string host_name(const ContainerSpec& container) {
  return container.name.substr(0, kHostnameMax);
}

tl::expected<std::string, std::string> write_spec(const ContainerSpec& container,
                                                  const ImageConfig& image,
                                                  const Accounts& accounts,
                                                  const Surroundings& around) {
  if (auto fault = fault_of(container, image); !fault.empty()) return tl::unexpected(fault);
  if (container.network.kind == Network::Kind::kNamed) {
    return tl::unexpected("this runtime knows no networks by name, and so not " +
                          container.network.name);
  }
  const auto user = resolve_user(first_of(container.user, image.user), accounts);
  if (!user) return tl::unexpected(user.error());
  const json document{
      {"ociVersion", kVersion},
      {"hostname", host_name(container)},
      {"root", {{"path", "rootfs"}, {"readonly", container.security.read_only_rootfs}}},
      {"process", process(container, image, *user)},
      {"mounts", mounts(container, around.host)},
  };
  const auto& security = container.security;
  try {
    auto linux_part = kernel(container, around.host).dump();
    if (security.seccomp) {
      const auto& profile = around.profiles.text(around.host.architecture, security.capabilities);
      linux_part = with_member(std::move(linux_part), "seccomp", profile);
    }
    return with_member(document.dump(), "linux", linux_part);
  } catch (const json::type_error&) {  // the library's only way to say so
    return tl::unexpected(std::string("the command, environment or a path is not UTF-8"));
  }
}

}  // namespace mayfly::oci
