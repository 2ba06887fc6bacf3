// The node and its pools: rows with everything counted.
#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "agent/control/names.h"
#include "agent/control/tally.h"
#include "agent/control/views.h"
#include "config/load.h"

namespace mayfly::control {
namespace {

/// Of the revision that slots are filled with, else of the one that is to follow it.
const std::string& start_failure(const core::Pool& pool) {
  return pool.starts.failure.empty() ? pool.staging.failure : pool.starts.failure;
}

/// The node's, where that is why the pool is not full; "" where it is not.
std::string_view node_word(const core::Model& model, const core::Pool& pool, const Tally& tally) {
  switch (model.node_state) {
    case core::NodeState::kOpen:
      return "";
    case core::NodeState::kCordoned: {
      const auto withheld = std::count_if(pool.slots.begin(), pool.slots.end(),
                                          [](const auto& each) { return each.second.withheld; });
      const bool full = tally.running + withheld == pool.settings.replicas;
      return withheld > 0 && full ? name(model.node_state) : "";
    }
    case core::NodeState::kDraining:
    case core::NodeState::kDrained:
      return name(model.node_state);
  }
  return "";
}

std::string_view state_word(const core::Model& model, const core::Pool& pool, const Tally& tally) {
  if (pool.dropped) return "deleting";
  const std::string_view of_node = node_word(model, pool, tally);
  if (!of_node.empty()) return of_node;
  if (pool.settings.paused) return "paused";
  if (tally.running < pool.settings.replicas) {
    const bool failing = pool.failures > 0 || !start_failure(pool).empty() ||
                         (!pool.prepare_failure.empty() && pool.active == core::kNoRevision);
    return failing ? "failing" : "filling";
  }
  if (!pool.prepare_failure.empty()) return "failing";
  const bool updating = tally.outdated > 0 || pool.active != pool.settings.revision;
  return updating ? "updating" : "full";
}

const agent::PoolEvidence& evidence_of(const Operations& operations, const std::string& pool) {
  static const agent::PoolEvidence kNone;
  const auto& pools = operations.evidence().pools();
  const auto found = pools.find(pool);
  return found == pools.end() ? kNone : found->second;
}

Json pool_faults(const core::Pool& pool) {
  Json faults = Json::array();
  if (!pool.prepare_failure.empty()) faults.push_back("image: " + pool.prepare_failure);
  if (!start_failure(pool).empty()) faults.push_back("start: " + start_failure(pool));
  return faults;
}

void add_counters(Json& row, const core::Counters& counters) {
  row["released"] = counters.released;
  row["spare_hits"] = counters.spare_hits;
  row["spare_misses"] = counters.spare_misses;
  row["started"] = counters.started;
  row["start_failures"] = counters.start_failures;
  Json& exits = row["exits"] = Json::object();
  for (const core::ExitClass exit_class : kExitClasses) {
    const auto found = counters.exits.find(exit_class);
    exits[std::string(name(exit_class))] = found == counters.exits.end() ? 0 : found->second;
  }
}

double rounded(double value) {
  return std::round(value * 100) / 100;
}

Json pool_row(const Operations& operations, const core::Pool& pool, const Tally& tally,
              const PullsByPool& pulls) {
  const std::string& pool_name = pool.settings.name;
  const agent::PoolEvidence& evidence = evidence_of(operations, pool_name);
  Json row;
  row["name"] = pool_name;
  row["state"] = state_word(operations.model(), pool, tally);
  row["replicas"] = pool.settings.replicas;
  row["running"] = tally.running;
  row["stopping"] = tally.stopping;
  row["empty"] = tally.empty;
  row["spares_ready"] = tally.spares_ready;
  row["spares_starting"] = tally.spares_starting;
  row["spares_wanted"] = pool.standby_target;
  row["revision"] = static_cast<std::uint32_t>(pool.settings.revision);
  row["active_revision"] = static_cast<std::uint32_t>(pool.active);
  row["outdated"] = tally.outdated;
  row["paused"] = pool.settings.paused;
  row["respawns_per_s"] = rounded(evidence.respawns.per_second(operations.now()));
  row["gap_p50_us"] = to_us(evidence.gap.quantile(0.5));
  row["gap_p99_us"] = to_us(evidence.gap.quantile(0.99));
  row["failures_in_a_row"] = pool.failures;
  add_counters(row, pool.counters);
  row["faults"] = pool_faults(pool);
  row["pull"] = pull_of(pulls, pool_name);
  return row;
}

Json pool_rows(const Operations& operations) {
  const Tallies tallies = tally_pools(operations.model());
  const PullsByPool pulls = pulls_by_pool(operations.pulls());
  Json rows = Json::array();
  for (const auto& [pool_name, pool] : operations.model().pools) {
    rows.push_back(pool_row(operations, pool, tallies.at(pool_name), pulls));
  }
  return rows;
}

Json totals_view(const Operations& operations) {
  Tally sum;
  std::uint64_t hits = 0;
  std::uint64_t misses = 0;
  std::uint64_t failing = 0;
  std::uint64_t replicas = 0;
  double respawns = 0;
  std::vector<const agent::Histogram*> gaps;
  const core::Model& model = operations.model();
  for (const auto& [pool_name, tally] : tally_pools(model)) sum += tally;
  for (const auto& [pool_name, pool] : model.pools) {
    const agent::PoolEvidence& evidence = evidence_of(operations, pool_name);
    replicas += pool.settings.replicas;
    hits += pool.counters.spare_hits;
    misses += pool.counters.spare_misses;
    failing += start_failure(pool).empty() ? 0U : 1U;
    respawns += evidence.respawns.per_second(operations.now());
    gaps.push_back(&evidence.gap);
  }
  return {{"pools", model.pools.size()},
          {"replicas", replicas},
          {"workers_running", sum.running},
          {"slots_empty", sum.empty},
          {"spares_ready", sum.spares_ready},
          {"respawns_per_s", rounded(respawns)},
          {"gap_p50_us", quantile_us(gaps, 0.5)},
          {"gap_p99_us", quantile_us(gaps, 0.99)},
          {"spare_hits", hits},
          {"spare_misses", misses},
          {"pools_start_failing", failing}};
}

Json node_view(const NodeStatus& node, Moment moment) {
  return {{"name", node.node},
          {"instance", node.instance},
          {"version", node.version},
          {"started_at", rfc3339(node.started_unix_ms)},
          {"uptime_ms", moment.unix_ms - node.started_unix_ms},
          {"config_file", node.config_file},
          {"config_fault", node.config_fault}};
}

Json coordinator_view(const std::optional<CoordinatorStatus>& coordinator, Moment moment) {
  if (!coordinator) return nullptr;
  const auto& contact = coordinator->last_contact_unix_ms;
  Json refused = Json::array();
  for (const auto& [pool, why] : coordinator->refused) {
    refused.push_back({{"pool", pool}, {"why", why}});
  }
  return {{"cluster", coordinator->cluster},
          {"endpoint", coordinator->endpoint},
          {"state", coordinator->state},
          {"last_contact_at", contact ? Json(rfc3339(*contact)) : Json()},
          {"last_contact_age_ms", contact ? Json(moment.unix_ms - *contact) : Json()},
          {"alarms", coordinator->alarms},
          {"refused", std::move(refused)}};
}

Json webhook_view(const std::optional<WebhookStatus>& webhook) {
  if (!webhook) return nullptr;
  return {{"url", webhook->url},   {"fault", webhook->fault},     {"waiting", webhook->waiting},
          {"sent", webhook->sent}, {"refused", webhook->refused}, {"dropped", webhook->dropped}};
}

std::string_view runtime_state(const core::Model& model) {
  if (!model.runtime_up) return "down";
  return model.adopted ? "up" : "adopting";
}

}  // namespace

Json status_view(const Operations& operations, Moment moment) {
  const NodeStatus node = operations.node();
  const core::Model& model = operations.model();
  Json status;
  status["at"] = rfc3339(moment.unix_ms);
  status["node"] = node_view(node, moment);
  status["node"]["scheduling"] = scheduling_view(operations, moment);
  status["runtime"] = {{"version", node.runtime},
                       {"socket", node.runtime_socket},
                       {"state", runtime_state(model)},
                       {"fault", model.runtime_fault}};
  status["coordinator"] = coordinator_view(node.coordinator, moment);
  status["webhook"] = webhook_view(node.webhook);
  Json& warnings = status["warnings"] = node.runtime_warnings;
  for (const std::string& warning : node.warnings) warnings.push_back(warning);
  status["totals"] = totals_view(operations);
  status["pools"] = pool_rows(operations);
  Json& pulls = status["pulls"] = Json::array();
  for (const Pull& pull : operations.pulls()) pulls.push_back(pull_view(pull));
  Json& empty = status["empty_slots"] = Json::array();
  for (const auto& [pool_name, pool] : model.pools) {
    const std::size_t room = kEmptySlotsListed - empty.size();
    for (Json& slot : empty_slots(operations, pool_name, room, moment)) {
      empty.push_back(std::move(slot));
    }
  }
  return status;
}

Json version_view(const NodeStatus& node) {
  return {{"version", node.version}, {"api", "v1"}, {"runtime", node.runtime}};
}

Json pools_view(const Operations& operations, Moment moment) {
  return {{"at", rfc3339(moment.unix_ms)}, {"pools", pool_rows(operations)}};
}

namespace {

Json timings(const agent::PoolEvidence& evidence) {
  Json out = Json::object();
  const std::pair<const char*, const agent::Histogram*> parts[] = {
      {"gap", &evidence.gap},
      {"gap_decide", &evidence.gap_decide},
      {"gap_exec", &evidence.gap_exec},
      {"create", &evidence.create}};
  for (const auto& [part, histogram] : parts) {
    out[part] = {{"count", histogram->count()},
                 {"p50_us", to_us(histogram->quantile(0.5))},
                 {"p90_us", to_us(histogram->quantile(0.9))},
                 {"p99_us", to_us(histogram->quantile(0.99))}};
  }
  return out;
}

Json revision_view(const store::Revision& revision) {
  return {{"revision", revision.number},
          {"hash", revision.hash},
          {"image_digest", revision.image},
          {"created_at", rfc3339(revision.created_ms)},
          {"spec", Json::parse(revision.spec, nullptr, false)}};
}

}  // namespace

Json pool_view(const Operations& operations, const PoolDetail& detail, Moment moment) {
  const std::string& pool_name = detail.desired.name;
  const core::Pool& pool = operations.model().pools.at(pool_name);
  Json view = pool_row(operations, pool, tally_pools(operations.model()).at(pool_name),
                       pulls_by_pool(operations.pulls()));
  view["source"] = detail.source;
  view["timings"] = timings(evidence_of(operations, pool_name));
  view["desired"] = Json::parse(config::to_json(detail.desired), nullptr, false);
  Json& revisions = view["revisions"] = Json::array();
  for (const store::Revision& revision : detail.revisions) {
    revisions.push_back(revision_view(revision));
  }
  view["workers"] = workers_view(operations, WorkerRole::kWorker, pool_name, moment)["workers"];
  view["spares"] = workers_view(operations, WorkerRole::kSpare, pool_name, moment)["spares"];
  view["empty_slots"] = empty_slots(operations, pool_name, kEmptySlotsListed, moment);
  return view;
}

}  // namespace mayfly::control
