// The document of a pool of the fleet.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "config/fleet_pool.h"

namespace mayfly::config {
namespace {

using Json = nlohmann::json;

/// Every key of the pool, and those of the fleet.
Json whole(const FleetPool& fleet_pool) {
  Json value = Json::parse(to_json(fleet_pool.pool));
  if (fleet_pool.total) value["replicas"] = Json{{"total", *fleet_pool.total}};
  value["selector"] = fleet_pool.selector;
  value["paused"] = fleet_pool.paused ? Json(*fleet_pool.paused) : Json();
  return value;
}

/// Members of `value` that `usual` has not, or has otherwise.
Json beyond(const Json& value, const Json& usual) {
  Json out = Json::object();
  for (const auto& [key, member] : value.items()) {
    const auto found = usual.find(key);
    if (found == usual.end()) {
      out[key] = member;
    } else if (member.is_object() && found->is_object()) {
      Json inner = beyond(member, *found);
      if (!inner.empty()) out[key] = std::move(inner);
    } else if (member != *found) {
      out[key] = member;
    }
  }
  return out;
}

void put_stamp(Json& value, const Stamp& stamp) {
  if (stamp.revision != 0) value["revision"] = stamp.revision;
  if (!stamp.changed_by.empty()) value["changed_by"] = stamp.changed_by;
  if (!stamp.changed_at.empty()) value["changed_at"] = stamp.changed_at;
  if (!stamp.change.empty()) value["change"] = stamp.change;
}

}  // namespace

std::string to_json(const FleetPool& fleet_pool) {
  Json value = Json::object();
  if (fleet_pool.deleted) {
    value["deleted"] = true;
  } else {
    const Json all = whole(fleet_pool);
    value = beyond(all, whole({}));
    for (const char* key : {"name", "image", "replicas"}) value[key] = all[key];
  }
  put_stamp(value, fleet_pool.stamp);
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Diff diff(const FleetPool& from, const FleetPool& to) {
  const auto text_of = [](const FleetPool& each) {
    return whole(each.deleted ? FleetPool{} : each)
        .dump(-1, ' ', false, Json::error_handler_t::replace);
  };
  Diff result{.changes = differences(text_of(from), text_of(to)), .new_revision = false};
  result.new_revision = !(from.pool.worker == to.pool.worker);
  return result;
}

}  // namespace mayfly::config
