#include "runtime/docker/spec.h"

#include "runtime/docker/json.h"
#include "runtime/oci/spec.h"

namespace mayfly::docker {
namespace {

using runtime::ContainerSpec;
using runtime::Network;

Json environment(const ContainerSpec& container) {
  Json list = Json::array();
  for (const auto& [name, value] : container.env) list.push_back(name + "=" + value);
  return list;
}

std::string network(const Network& network) {
  switch (network.kind) {
    case Network::Kind::kNone:
      return "none";
    case Network::Kind::kHost:
      return "host";
    case Network::Kind::kNamed:
      return network.name;
  }
  return "none";
}

/// What Docker lets a network be called. Other modes ("container:ID") would pass for names else.
bool is_network_name(std::string_view name) {
  constexpr std::string_view kPlain =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
  return !name.empty() && name.find_first_not_of(kPlain) == std::string_view::npos;
}

/// As mounts and not as binds: those make a source that is missing.
Json mounts(const ContainerSpec& container) {
  Json list = Json::array();
  for (const auto& [source, target, read_only] : container.mounts) {
    // No word of propagation: it is private, but where the source holds the daemon's own folder,
    // and there the daemon takes its own choice only.
    list.push_back(
        {{"Type", "bind"}, {"Source", source}, {"Target", target}, {"ReadOnly", read_only}});
  }
  return list;
}

Json security_options(const runtime::Security& security, const Place& place) {
  Json list = Json::array();
  if (security.no_new_privileges) list.push_back("no-new-privileges");
  // The daemons' own let more through: AF_VSOCK (Docker 20.10), new namespaces (Podman).
  list.push_back("seccomp=" + (security.seccomp ? place.seccomp_profile : "unconfined"));
  return list;
}

Json host_config(const ContainerSpec& container, const Place& place) {
  const auto& asked = container.resources;
  Json host{
      // With live-restore, a daemon that returns kills what it is to remove by itself.
      {"AutoRemove", false},
      {"RestartPolicy", {{"Name", "no"}}},
      // The worker's output goes where the gate puts it.
      {"LogConfig", {{"Type", "none"}, {"Config", Json::object()}}},
      {"NetworkMode", network(container.network)},
      {"IpcMode", "private"},
      {"CgroupParent", place.cgroup_parent},
      {"Mounts", mounts(container)},
      {"CapDrop", {"ALL"}},
      {"CapAdd", container.security.capabilities},
      {"SecurityOpt", security_options(container.security, place)},
      {"ReadonlyRootfs", container.security.read_only_rootfs},
      {"OomScoreAdj", 0},
      {"Init", false},
      {"PidsLimit", asked.pids},
  };
  if (asked.memory_bytes) {
    host["Memory"] = *asked.memory_bytes;
    host["MemorySwap"] = *asked.memory_bytes;  // else twice as much, in swap
  }
  if (asked.cpu) {
    const auto [quota, period] = oci::cpu_quota(*asked.cpu);
    host["CpuQuota"] = quota;
    host["CpuPeriod"] = period;
  }
  return host;
}

}  // namespace

tl::expected<std::string, std::string> write_spec(const ContainerSpec& container,
                                                  const LocalImage& image, const Place& place) {
  if (auto fault = oci::fault_of(container, image.config); !fault.empty()) {
    return tl::unexpected(std::move(fault));
  }
  const auto& [kind, name] = container.network;
  if (kind == Network::Kind::kNamed && !is_network_name(name)) {
    return tl::unexpected("not the name of a network: " + one_line(name));
  }
  Json document{
      {"Image", image.id},
      // All of it, and no Cmd: an entrypoint that is empty would be the image's own.
      {"Entrypoint", oci::arguments(container, image.config)},
      {"Cmd", Json::array()},
      {"Env", environment(container)},
      {"Hostname", oci::host_name(container)},
      {"Labels", container.labels},
      {"Tty", false},
      {"OpenStdin", false},
      {"AttachStdin", false},
      {"AttachStdout", false},
      {"AttachStderr", false},
      {"HostConfig", host_config(container, place)},
  };
  if (!container.user.empty()) document["User"] = container.user;
  if (!container.working_directory.empty()) document["WorkingDir"] = container.working_directory;
  // A spare is not healthy or ill. Said only where there is one: Podman asks systemd otherwise.
  if (image.has_health_check) document["Healthcheck"] = {{"Test", {"NONE"}}};
  try {
    return document.dump();
  } catch (const Json::type_error&) {  // the library's only way to say so
    return tl::unexpected(std::string("the command, environment or a path is not UTF-8"));
  }
}

}  // namespace mayfly::docker
