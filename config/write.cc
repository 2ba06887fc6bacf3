// The canonical JSON of a pool.
#include <nlohmann/json.hpp>

#include "config/load.h"
#include "config/names.h"
#include "config/units.h"

namespace mayfly::config {
namespace {

using Json = nlohmann::json;  // an object's keys are sorted

Json to_value(const Mount& mount) {
  return {{"source", mount.source}, {"target", mount.target}, {"read_only", mount.read_only}};
}

Json to_value(const Resources& resources) {
  return {{"cpu", resources.cpu ? Json(*resources.cpu) : Json()},
          {"memory", resources.memory_bytes ? Json(format_size(*resources.memory_bytes)) : Json()},
          {"pids", resources.pids}};
}

Json to_value(const Security& security) {
  return {{"seccomp", security.seccomp},
          {"no_new_privileges", security.no_new_privileges},
          {"read_only_rootfs", security.read_only_rootfs},
          {"capabilities", security.capabilities}};
}

Json to_value(const Backoff& backoff) {
  return {{"initial", format_duration(backoff.initial)},
          {"factor", backoff.factor},
          {"max", format_duration(backoff.max)},
          {"reset_after", format_duration(backoff.reset_after)}};
}

Json to_value(const Template& worker) {
  Json mounts = Json::array();
  for (const Mount& mount : worker.mounts) mounts.push_back(to_value(mount));
  return {{"image", worker.image},
          {"command", worker.command},
          {"env", worker.env},
          {"user", worker.user},
          {"working_directory", worker.working_directory},
          {"mounts", std::move(mounts)},
          {"resources", to_value(worker.resources)},
          {"network", worker.network},
          {"security", to_value(worker.security)},
          {"hold", name_of(worker.hold, kHolds)}};
}

/// A text that is not UTF-8 did not come from a parser; it is made so rather than thrown over.
std::string dump(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

std::string to_json(const Template& worker) {
  return dump(to_value(worker));
}

std::string to_json(const Pool& pool) {
  Json value = to_value(pool.worker);
  value["name"] = pool.name;
  value["pull"] = name_of(pool.pull, kPulls);
  value["replicas"] = pool.replicas;
  value["standby"] = pool.standby ? Json(*pool.standby) : Json(kAuto);
  value["spare_max_age"] = format_duration(pool.spare_max_age);
  value["lifetime"] = {{"stop_grace", format_duration(pool.lifetime.stop_grace)}};
  value["backoff"] = to_value(pool.backoff);
  value["logs"] = {{"worker", format_size(pool.logs.worker_bytes)},
                   {"pool", format_size(pool.logs.pool_bytes)}};
  return dump(value);
}

}  // namespace mayfly::config
