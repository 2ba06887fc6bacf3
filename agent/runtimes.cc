#include "agent/runtimes.h"

#include <utility>

#include "config/load.h"
#include "runtime/containerd/containerd.h"
#include "runtime/docker/docker.h"

namespace mayfly::agent {
namespace {

/// What each of them is told.
template <class Options>
Options options_for(const config::Daemon& config, runtime::Ownership owned) {
  Options options;
  options.socket = config::socket_of(config.runtime);
  options.cgroup_parent = config.runtime.cgroup_parent;
  options.owned = std::move(owned);
  options.registries = registry_options(config);
  return options;
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
  if (config.runtime.kind == config::kContainerd) {
    auto options = options_for<containerd::Options>(config, std::move(owned));
    options.name_space = config.runtime.name_space;
    options.snapshotter = config.runtime.snapshotter;
    return containerd::make_driver(loop, std::move(options));
  }
  // Podman speaks the same.
  return docker::make_driver(loop, options_for<docker::Options>(config, std::move(owned)));
}

}  // namespace mayfly::agent
