#include "agent/fleet/memory.h"

#include <nlohmann/json.hpp>

#include "config/fleet_pool.h"

namespace mayfly::fleet {
namespace {

using Json = nlohmann::json;

/// The row without a pool, as JSON; null where there is none of that cluster.
Json about(const Documents& rows, const std::string& cluster) {
  for (const store::FleetDocument& row : rows) {
    if (!row.pool.empty()) continue;
    Json json = Json::parse(row.document, nullptr, /*allow_exceptions=*/false);
    if (json.is_object() && json.value("cluster", "") == cluster) return json;
  }
  return {};
}

}  // namespace

coordinator::Keys keys_of(const config::Coordinator& config) {
  return coordinator::Keys("/mayfly/" + config.cluster + "/");
}

store::FleetDocument baseline_row(const coordinator::Baseline& baseline, const std::string& cluster,
                                  const coordinator::Slots& slots) {
  const Json json{{"cluster", cluster}, {"id", baseline.cluster}, {"slots", slots}};
  return {.pool = "", .document = json.dump(), .epoch = static_cast<std::int64_t>(baseline.epoch)};
}

coordinator::Baseline baseline_of(const Documents& rows, const std::string& cluster) {
  coordinator::Baseline baseline;
  const Json json = about(rows, cluster);
  for (const store::FleetDocument& row : rows) {
    if (!row.pool.empty() || json.is_null()) continue;
    baseline.cluster = json.value("id", std::uint64_t{0});
    baseline.epoch = static_cast<std::uint64_t>(row.epoch);
  }
  for (const store::FleetDocument& row : rows) {
    if (row.pool.empty()) continue;
    const bool is_in_order =
        baseline.cluster != 0 && static_cast<std::uint64_t>(row.epoch) == baseline.epoch;
    baseline.documents[row.pool] = {row.document, is_in_order ? row.mod_revision : 0};
  }
  return baseline;
}

coordinator::Slots slots_of(const Documents& rows, const std::string& cluster) {
  const Json json = about(rows, cluster);
  return json.is_null() ? coordinator::Slots{} : json.value("slots", coordinator::Slots{});
}

std::vector<agent::Desired::FromFleet> known_pools(const config::Daemon& config,
                                                   const Documents& rows) {
  std::vector<agent::Desired::FromFleet> known;
  const bool is_alone = config.coordinator.endpoints.empty();
  coordinator::Slots slots = slots_of(rows, config.coordinator.cluster);
  for (const store::FleetDocument& row : rows) {
    if (row.pool.empty()) continue;
    auto given = config::parse_fleet_pool_json(row.document);
    if (!given || given->deleted) continue;
    if (!coordinator::selects(given->selector, config.node.labels)) continue;
    const auto held = static_cast<std::uint32_t>(slots[row.pool].size());
    agent::Desired::FromFleet one{given->pool,
                                  agent::fleet_source(keys_of(config.coordinator).pool(row.pool)),
                                  given->paused.value_or(false)};
    // A node that has left the fleet keeps its pools, and they are its own.
    if (is_alone) one.source.clear();
    if (is_alone && given->total) one.pool.replicas = held;
    if (!is_alone && given->total) one.allotted = [held] { return agent::Allotment{held}; };
    known.push_back(std::move(one));
  }
  return known;
}

std::map<std::string, coordinator::SharedPool> known_shared(
    const Documents& rows, const std::map<std::string, std::string>& labels) {
  std::map<std::string, coordinator::SharedPool> shared;
  for (const store::FleetDocument& row : rows) {
    if (row.pool.empty()) continue;
    const auto given = config::parse_fleet_pool_json(row.document);
    if (!given || !given->total || !coordinator::selects(given->selector, labels)) continue;
    shared[row.pool] = {*given->total, given->selector};
  }
  return shared;
}

}  // namespace mayfly::fleet
