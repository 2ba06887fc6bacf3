#include "agent/reload.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "agent/log.h"
#include "agent/message_ids.h"
#include "config/load.h"

namespace mayfly::agent {

core::Limits limits_of(const config::Daemon& daemon) {
  const config::Starts& starts = daemon.starts;
  core::Limits limits;
  limits.shutdown_drain = daemon.node.shutdown_drain;
  const unsigned cpus = std::max(1U, std::thread::hardware_concurrency());
  // A start waits for half its time: twice as many as cpus make the most of them.
  const unsigned by_cpus = std::clamp(2 * cpus, 4U, 32U);
  limits.starts_inflight_max = starts.parallel != 0 ? starts.parallel : by_cpus;
  limits.removes_inflight_max = limits.starts_inflight_max;
  limits.starts_rate = starts.rate;
  limits.starts_burst = starts.burst;
  return limits;
}

ImagePolicy policy_of(const config::Images& images) {
  return {images.keep, images.disk_free_min_percent};
}

Reload::Reload(Parts parts, std::filesystem::path file, config::Daemon in_force)
    : parts_(parts), file_(std::move(file)), in_force_(std::move(in_force)) {}

void Reload::warn_of_restart(const config::Daemon& wanted) {
  config::Node node = wanted.node;
  node.shutdown_drain = in_force_.node.shutdown_drain;  // applies at once
  const bool same =
      node == in_force_.node && wanted.runtime == in_force_.runtime &&
      wanted.control == in_force_.control && wanted.loop == in_force_.loop &&
      wanted.history == in_force_.history && wanted.registries == in_force_.registries &&
      wanted.coordinator == in_force_.coordinator && wanted.webhook == in_force_.webhook &&
      wanted.images.docker_config == in_force_.images.docker_config &&
      wanted.images.layers_parallel == in_force_.images.layers_parallel;
  static const std::string kText =
      "node, runtime, control, loop, history, registries, coordinator, webhook, "
      "images.docker_config or images.layers_parallel changed in the configuration: "
      "restart mayflyd (workers go on running)";
  std::vector<std::string>& warnings = parts_.node.warnings;
  std::erase(warnings, kText);
  if (same) return;
  warnings.push_back(kText);
  log::warning(kText);
}

tl::expected<std::string, std::string> Reload::run() {
  parts_.service.reloading();
  const auto document = config::load(file_);
  std::string faults;
  if (document) {
    warn_of_restart(document->daemon);
    log::configure(document->daemon.log.level);
    parts_.inbox.post(core::LimitsChanged{limits_of(document->daemon)});
    parts_.images.set_policy(policy_of(document->daemon.images));
    parts_.desired.reload(*document);
    log::info({"configuration reloaded", message_ids::kReloaded}, {{"file", file_.string()}});
  } else {
    for (const config::Fault& fault : document.error()) {
      log::error({"configuration refused, the old one stays", message_ids::kReloadRefused},
                 {{"fault", to_string(fault)}});
      faults += to_string(fault) + "\n";
    }
  }
  parts_.node.config_fault = faults;
  parts_.service.ready(faults.empty() ? "" : "the last reload was refused");
  if (!faults.empty()) return tl::unexpected(faults);
  return file_.string();
}

}  // namespace mayfly::agent
