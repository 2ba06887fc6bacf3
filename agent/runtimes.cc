#include "agent/runtimes.h"

#include <utility>

#include "config/load.h"
#include "runtime/containerd/containerd.h"
#include "runtime/docker/docker.h"

namespace mayfly::agent {
namespace {

std::unique_ptr<runtime::Driver> open_containerd(boost::asio::io_context& loop,
                                                 const config::Daemon& config,
                                                 runtime::Ownership owned) {
  containerd::Options options;
  options.socket = config::socket_of(config.runtime);
  options.name_space = config.runtime.name_space;
  options.snapshotter = config.runtime.snapshotter;
  options.cgroup_parent = config.runtime.cgroup_parent;
  options.owned = std::move(owned);
  options.registries = registry_options(config);
  return containerd::make_driver(loop, std::move(options));
}

/// Podman speaks the same.
std::unique_ptr<runtime::Driver> open_docker(boost::asio::io_context& loop,
                                             const config::Daemon& config,
                                             runtime::Ownership owned) {
  docker::Options options;
  options.socket = config::socket_of(config.runtime);
  options.cgroup_parent = config.runtime.cgroup_parent;
  options.owned = std::move(owned);
  options.registries = registry_options(config);
  return docker::make_driver(loop, std::move(options));
}

}  // namespace

registry::Options registry_options(const config::Daemon& config) {
  registry::Options options;
  options.docker_config = config.images.docker_config;
  options.layers_parallel = config.images.layers_parallel;
  for (const auto& [name, registry] : config.registries) {
    options.registries[name] = {registry.plain_http, registry.ca_file, registry.username,
                                registry.password_file};
  }
  return options;
}

std::unique_ptr<runtime::Driver> open_driver(boost::asio::io_context& loop,
                                             const config::Daemon& config,
                                             runtime::Ownership owned) {
  const bool containerd = config.runtime.kind == config::kContainerd;
  return (containerd ? open_containerd : open_docker)(loop, config, std::move(owned));
}

}  // namespace mayfly::agent
