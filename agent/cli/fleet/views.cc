#include "agent/cli/fleet/views.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <tuple>

#include "agent/coordinator/share.h"

namespace mayfly::cli::fleet {
namespace {

Json maybe(const std::optional<std::int64_t>& value) {
  return value ? Json(*value) : Json();
}

/// Of all nodes with the pool, the worst.
std::optional<std::int64_t> worst(const std::string& pool, const Roster& roster,
                                  std::optional<std::int64_t> PoolOnNode::*gap) {
  std::optional<std::int64_t> most;
  for (const Node& node : roster) {
    const auto found = node.pools.find(pool);
    if (found == node.pools.end() || !(found->second.*gap)) continue;
    most = std::max(most.value_or(0), *(found->second.*gap));
  }
  return most;
}

std::map<std::string, std::int64_t> exits_of(const std::string& pool, const Roster& roster) {
  std::map<std::string, std::int64_t> sum;
  for (const Node& node : roster) {
    const auto found = node.pools.find(pool);
    if (found == node.pools.end()) continue;
    for (const auto& [exit_class, count] : found->second.exits) sum[exit_class] += count;
  }
  return sum;
}

Json refusals(const Progress& progress) {
  Json rows = Json::array();
  for (const NodeStage& each : progress.nodes) {
    if (each.stage == Stage::kRefused) rows.push_back({{"node", each.node}, {"why", each.why}});
  }
  return rows;
}

const char* state_of(const PoolKey& pool, const Progress& progress) {
  if (!pool.fault.empty()) return "bad";
  if (pool.document.deleted) return "deleting";
  if (progress.count(Stage::kRefused) > 0) return "refused";
  if (pool.document.paused.value_or(false)) return "paused";
  if (progress.nodes.empty()) return "nowhere";
  if (progress.is_settled()) return "full";
  return progress.count(Stage::kNotHeard) > 0 ? "updating" : "filling";
}

Json pool_row(const PoolKey& pool, const Roster& roster) {
  const Progress progress = progress_of({pool.name, pool.mod_revision, pool.document}, roster);
  const config::FleetPool& document = pool.document;
  const bool is_gone = document.deleted;
  const Remains remains = remains_of(pool.name, roster);
  Json row;
  row["name"] = pool.name;
  row["state"] = state_of(pool, progress);
  row["revision"] = document.stamp.revision;
  row["replicas"] = is_gone ? Json(0) : replicas_view(document);
  row["nodes"] = is_gone ? remains.nodes.size() : progress.nodes.size();
  row["nodes_running"] = is_gone ? 0 : progress.count(Stage::kRuns);
  row["running"] = is_gone ? remains.workers : progress.running;
  row["wanted"] = is_gone ? 0 : progress.wanted;
  row["paused"] = document.paused.value_or(false);
  row["refused"] = refusals(progress);
  row["gap_p50_us"] = maybe(worst(pool.name, roster, &PoolOnNode::gap_p50_us));
  row["gap_p99_us"] = maybe(worst(pool.name, roster, &PoolOnNode::gap_p99_us));
  row["exits"] = exits_of(pool.name, roster);
  row["image"] = document.pool.worker.image;
  row["selector"] = document.selector;
  row["changed_by"] = document.stamp.changed_by;
  row["changed_at"] = document.stamp.changed_at;
  row["fault"] = pool.fault;
  row["document"] = document_view(pool, Stamps::kKept);
  return row;
}

const char* word_for(Presence presence) {
  switch (presence) {
    case Presence::kLive:
      return "live";
    case Presence::kJoining:
      return "joining";
    case Presence::kGone:
      return "gone";
  }
  return "";
}

/// Of what only a node that reports can tell.
Json if_live(const Node& node, std::int64_t value) {
  return node.is_live() ? Json(value) : Json();
}

Json node_row(const Node& node) {
  std::int64_t running = 0;
  std::int64_t replicas = 0;
  for (const auto& [name, pool] : node.pools) {
    running += pool.running;
    replicas += pool.replicas;
  }
  Json row;
  row["name"] = node.name;
  row["state"] = word_for(node.presence);
  row["scheduling"] = node.scheduling;
  row["ordered"] = node.ordered;
  row["order_fault"] = node.order_fault;
  row["version"] = node.version;
  row["labels"] = node.labels;
  row["pools"] = if_live(node, static_cast<std::int64_t>(node.pools.size()) + node.pools_left_out);
  row["running"] = if_live(node, running);
  row["replicas"] = if_live(node, replicas);
  row["contact_age_s"] = maybe(node.contact_age_s);
  row["lease_left_s"] = maybe(node.lease_left_s);
  row["slots"] = node.slots;
  row["refused"] = if_live(node, static_cast<std::int64_t>(node.refused.size()));
  row["alarms"] = node.alarms;
  row["instance"] = node.instance;
  return row;
}

Json node_rows(const Roster& roster) {
  Json rows = Json::array();
  for (const Node& node : roster) rows.push_back(node_row(node));
  return rows;
}

Json pool_rows(const std::vector<PoolKey>& pools, const Roster& roster) {
  Json rows = Json::array();
  for (const PoolKey& pool : pools) {
    const bool is_over = pool.document.deleted && remains_of(pool.name, roster).nodes.empty();
    if (!is_over) rows.push_back(pool_row(pool, roster));
  }
  return rows;
}

Json pool_on_node(const std::string& name, const PoolOnNode& pool) {
  Json why = Json::array();
  for (const EmptySlots& each : pool.why) {
    why.push_back({{"reason", each.reason},
                   {"message", each.message},
                   {"detail", each.detail},
                   {"count", each.count}});
  }
  return {{"name", name},
          {"of_fleet", pool.document != 0},
          {"running", pool.running},
          {"replicas", pool.replicas},
          {"empty", pool.empty},
          {"outdated", pool.outdated},
          {"revision", pool.revision},
          {"active_revision", pool.active_revision},
          {"paused", pool.paused},
          {"deleting", pool.deleting},
          {"image", pool.image},
          {"image_digest", pool.image_digest},
          {"gap_p50_us", maybe(pool.gap_p50_us)},
          {"gap_p99_us", maybe(pool.gap_p99_us)},
          {"exits", pool.exits},
          {"why", std::move(why)}};
}

/// What differs, in words that fit in a line.
Json changes_view(const config::FleetPool& from, const config::FleetPool& to) {
  Json rows = Json::array();
  for (const config::Difference& change : config::diff(from, to).changes) {
    rows.push_back({{"key", change.key}, {"from", change.from}, {"to", change.to}});
  }
  return rows;
}

/// Slots of one reason over all nodes.
struct Group {
  std::int64_t count = 0;
  std::vector<std::string> nodes;
};
using Groups = std::map<std::tuple<std::string, std::string, std::string>, Group>;

Groups groups_of(const PoolKey& pool, const Roster& roster) {
  Groups groups;
  for (const Node& node : roster) {
    const auto found = node.pools.find(pool.name);
    if (found == node.pools.end()) continue;
    for (const EmptySlots& each : found->second.why) {
      Group& group = groups[{each.reason, each.message, each.detail}];
      group.count += each.count;
      if (group.nodes.empty() || group.nodes.back() != node.name) group.nodes.push_back(node.name);
    }
  }
  return groups;
}

/// The pool is for it, or slots of it wait for it.
bool is_missed(const PoolKey& pool, const Node& node) {
  if (node.presence != Presence::kGone) return false;
  if (node.slots.contains(pool.name)) return true;
  const bool is_known = !node.instance.empty();
  return is_known && node.scheduling == "open" &&
         coordinator::selects(pool.document.selector, node.labels);
}

Json gone_rows(const PoolKey& pool, const Roster& roster) {
  Json rows = Json::array();
  for (const Node& node : roster) {
    if (!is_missed(pool, node)) continue;
    const auto slots = node.slots.find(pool.name);
    rows.push_back({{"node", node.name},
                    {"contact_age_s", maybe(node.contact_age_s)},
                    {"lease_left_s", maybe(node.lease_left_s)},
                    {"slots", slots == node.slots.end() ? Json::array() : Json(slots->second)}});
  }
  return rows;
}

}  // namespace

Json replicas_view(const config::FleetPool& document) {
  if (document.total) return {{"total", *document.total}};
  return document.pool.replicas;
}

Json document_view(const PoolKey& pool, Stamps stamps) {
  if (!pool.fault.empty()) return nullptr;
  config::FleetPool document = pool.document;
  if (stamps == Stamps::kLeftOut) document.stamp = {};
  return Json::parse(config::to_json(document), nullptr, /*allow_exceptions=*/false);
}

Json nodes_view(const std::string& cluster, const Roster& roster) {
  return {{"cluster", cluster}, {"nodes", node_rows(roster)}};
}

Json node_view(const Node& node) {
  Json view = node_row(node);
  view["refused"] = Json::array();
  for (const auto& [pool, why] : node.refused) {
    view["refused"].push_back({{"pool", pool}, {"why", why}});
  }
  view["pools"] = Json::array();
  for (const auto& [name, pool] : node.pools) view["pools"].push_back(pool_on_node(name, pool));
  view["pools_left_out"] = node.pools_left_out;
  return view;
}

Json pools_view(const std::string& cluster, const std::vector<PoolKey>& pools,
                const Roster& roster) {
  return {{"cluster", cluster}, {"pools", pool_rows(pools, roster)}};
}

Json status_view(const std::string& cluster, const std::vector<PoolKey>& pools,
                 const Roster& roster) {
  Json view = nodes_view(cluster, roster);
  view["pools"] = pool_rows(pools, roster);
  Json& alarms = view["alarms"] = Json::array();
  for (const Node& node : roster) {
    for (const std::string& alarm : node.alarms) {
      alarms.push_back({{"node", node.name}, {"alarm", alarm}});
    }
  }
  Json& refused = view["refused"] = Json::array();
  for (const Node& node : roster) {
    for (const auto& [pool, why] : node.refused) {
      refused.push_back({{"node", node.name}, {"pool", pool}, {"why", why}});
    }
  }
  return view;
}

Json why_view(const PoolKey& pool, const Roster& roster) {
  const Progress progress = progress_of({pool.name, pool.mod_revision, pool.document}, roster);
  const Groups groups = groups_of(pool, roster);
  std::vector<const Groups::value_type*> by_count;
  for (const auto& group : groups) by_count.push_back(&group);
  std::stable_sort(by_count.begin(), by_count.end(), [](const auto* one, const auto* other) {
    return one->second.count > other->second.count;
  });
  Json view = pool_row(pool, roster);
  view.erase("document");
  Json& rows = view["groups"] = Json::array();
  for (const auto* group : by_count) {
    const auto& [reason, message, details] = group->first;
    rows.push_back({{"reason", reason},
                    {"message", message},
                    {"detail", details},
                    {"count", group->second.count},
                    {"nodes", group->second.nodes}});
  }
  Json& waiting = view["not_heard"] = Json::array();
  for (const NodeStage& each : progress.nodes) {
    if (each.stage == Stage::kNotHeard) waiting.push_back(each.node);
  }
  view["gone"] = gone_rows(pool, roster);
  return view;
}

Json history_view(const std::string& pool, const std::vector<PoolKey>& revisions) {
  Json rows = Json::array();
  for (std::size_t i = revisions.size(); i > 0; --i) {
    const PoolKey& each = revisions[i - 1];
    const config::FleetPool before = i > 1 ? revisions[i - 2].document : config::FleetPool{};
    rows.push_back({{"revision", each.document.stamp.revision},
                    {"changed_at", each.document.stamp.changed_at},
                    {"changed_by", each.document.stamp.changed_by},
                    {"deleted", each.document.deleted},
                    {"first", i == 1},
                    {"changes", changes_view(before, each.document)},
                    {"fault", each.fault},
                    {"document", document_view(each, Stamps::kLeftOut)}});
  }
  return {{"pool", pool}, {"revisions", std::move(rows)}};
}

}  // namespace mayfly::cli::fleet
