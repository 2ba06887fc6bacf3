#include "agent/cli/fleet/roster.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/cli/fields.h"
#include "agent/coordinator/parts.h"

namespace mayfly::cli::fleet {
namespace {

constexpr int kDepthMax = 12;
constexpr std::size_t kEntriesMax = 10'000;  ///< of any list or table that is read
/// Each lease is kept three times in its life, so one who falls silent is gone later than this.
constexpr std::int64_t kSilenceS = coordinator::Reporter::kTtlS * 2 / 3;

/// An empty object where it is no JSON. What is nested deeper than anything we write is dropped.
Json parse(const std::optional<etcd::KeyValue>& kv) {
  if (!kv) return Json::object();
  const auto keep = [](int depth, Json::parse_event_t /*event*/, Json& /*parsed*/) {
    return depth <= kDepthMax;
  };
  Json json = Json::parse(kv->value, keep, /*allow_exceptions=*/false);
  return json.is_object() ? json : Json::object();
}

std::string word(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>() : "";
}

std::optional<std::int64_t> whole(const Json& json) {
  if (!json.is_number_integer()) return std::nullopt;
  return json.get<std::int64_t>();
}

std::optional<std::int64_t> whole(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found == json.end() ? std::nullopt : whole(*found);
}

/// Calls back for each member of the table of that key.
template <class Take>
void for_each_member(const Json& json, const char* key, Take take) {
  std::size_t count = 0;
  for (const auto& item : object(json, key).items()) {
    if (++count > kEntriesMax) return;
    take(item.key(), item.value());
  }
}

std::map<std::string, std::string> words(const Json& json, const char* key) {
  std::map<std::string, std::string> out;
  for_each_member(json, key, [&out](const std::string& name, const Json& value) {
    if (value.is_string()) out[name] = value.get<std::string>();
  });
  return out;
}

std::map<std::string, std::int64_t> numbers(const Json& json, const char* key) {
  std::map<std::string, std::int64_t> out;
  for_each_member(json, key, [&out](const std::string& name, const Json& value) {
    if (const auto number = whole(value)) out[name] = *number;
  });
  return out;
}

std::vector<EmptySlots> empty_slots_of(const Json& pool) {
  std::vector<EmptySlots> out;
  for (const Json& row : array(pool, "why")) {
    if (!row.is_object() || out.size() == kEntriesMax) continue;
    out.push_back({word(row, "reason"), word(row, "message"), word(row, "detail"),
                   whole(row, "count").value_or(0)});
  }
  return out;
}

PoolOnNode pool_of(const Json& json) {
  const auto number = [&json](const char* key) { return whole(json, key).value_or(0); };
  PoolOnNode pool;
  pool.document = number("document");
  pool.revision = number("revision");
  pool.active_revision = number("active_revision");
  pool.replicas = number("replicas");
  pool.running = number("running");
  pool.empty = number("empty");
  pool.outdated = number("outdated");
  pool.paused = flag(json, "paused");
  pool.deleting = flag(json, "deleting");
  pool.image = word(json, "image");
  pool.image_digest = word(json, "image_digest");
  pool.gap_p50_us = whole(json, "gap_p50_us");
  pool.gap_p99_us = whole(json, "gap_p99_us");
  pool.exits = numbers(json, "exits");
  pool.why = empty_slots_of(json);
  return pool;
}

void read_status(const Json& status, Node& node) {
  const Json& scheduling = object(status, "scheduling");
  const std::string state = word(scheduling, "state");
  node.scheduling = state.empty() ? "open" : state;
  if (scheduling.contains("order")) node.order = word(scheduling, "order");
  node.order_fault = word(scheduling, "refused");
  for_each_member(status, "pools", [&node](const std::string& name, const Json& pool) {
    if (pool.is_object()) node.pools[name] = pool_of(pool);
  });
  node.pools_left_out = whole(status, "pools_left_out").value_or(0);
  node.refused = words(status, "refused");
  node.refused_documents = numbers(status, "refused_documents");
  for (const Json& alarm : array(status, "alarms")) {
    if (alarm.is_string() && node.alarms.size() < kEntriesMax) {
      node.alarms.push_back(alarm.get<std::string>());
    }
  }
}

void add_contacts(Desk& desk, Roster& roster) {
  std::vector<std::int64_t> leases;
  for (const Node& node : roster) leases.push_back(node.lease);
  const auto times = desk.lease_times(leases);
  for (std::size_t i = 0; i < roster.size() && i < times.size(); ++i) {
    Node& node = roster[i];
    if (times[i].left_s <= 0 || times[i].granted_s <= 0) continue;
    node.lease_left_s = times[i].left_s;
    node.contact_age_s = std::max<std::int64_t>(0, times[i].granted_s - times[i].left_s);
    const bool is_silent = *node.contact_age_s >= kSilenceS;
    if (!node.is_live() && !is_silent) node.presence = Presence::kJoining;
  }
}

/// A node's slots are under the lease of its member's key: without that there are none.
Outcome add_slots(Desk& desk, Roster& roster) {
  std::map<std::string, Node*> gone;
  for (Node& node : roster) {
    if (node.presence == Presence::kGone && node.lease != 0) gone[node.name] = &node;
  }
  if (gone.empty()) return {};
  const auto claims = desk.claims();
  if (!claims) return tl::unexpected(claims.error());
  for (const coordinator::Claim& claim : *claims) {
    const auto holder = gone.find(claim.node);
    if (holder != gone.end()) holder->second->slots[claim.pool].insert(claim.slot);
  }
  return {};
}

/// What it told the others, where it tells no more of itself.
void read_member(const etcd::KeyValue& kv, Node& node) {
  const auto member = coordinator::member_of(kv);
  if (!member) return;
  node.lease = kv.lease;
  node.instance = member->instance;
  node.labels = member->labels;
  node.scheduling = member->scheduling;
}

}  // namespace

Node node_of(const NodeKeys& keys) {
  Node node;
  node.name = keys.name;
  node.ordered = word(parse(keys.desired), "scheduling");
  if (!keys.info && !keys.status) {
    if (keys.member) read_member(*keys.member, node);
    return node;
  }
  node.presence = Presence::kLive;
  if (keys.status) node.lease = keys.status->lease;
  if (keys.info) node.lease = keys.info->lease;
  const Json info = parse(keys.info);
  node.instance = word(info, "instance");
  node.version = word(info, "version");
  node.labels = words(info, "labels");
  read_status(object(parse(keys.status), "status"), node);
  return node;
}

Result<Roster> read_nodes(Desk& desk) {
  const auto keys = desk.nodes();
  if (!keys) return tl::unexpected(keys.error());
  Roster roster;
  for (const NodeKeys& each : *keys) roster.push_back(node_of(each));
  return roster;
}

Result<Roster> read_roster(Desk& desk) {
  auto roster = read_nodes(desk);
  if (!roster) return roster;
  add_contacts(desk, *roster);
  if (const auto done = add_slots(desk, *roster); !done) return tl::unexpected(done.error());
  return roster;
}

}  // namespace mayfly::cli::fleet
