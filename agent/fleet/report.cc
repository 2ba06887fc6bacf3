#include "agent/fleet/report.h"

#include <nlohmann/json.hpp>

#include "agent/control/names.h"
#include "agent/control/tally.h"

namespace mayfly::fleet {
namespace {

using Json = nlohmann::ordered_json;

// JSON makes three bytes of one that is no UTF-8, and six of a control character.
constexpr std::size_t kRefusedMax = 20;
constexpr std::size_t kNameBytesMax = 60;
constexpr std::size_t kWhyBytesMax = 300;
constexpr std::size_t kPoolsBytesMax = kReportBytesMax / 2;
constexpr std::size_t kReasonsMax = 4;     ///< told of a pool
constexpr std::uint32_t kSlotsAsked = 50;  ///< of a pool; to say why takes time
constexpr std::size_t kDetailBytesMax = 120;

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// Why slots are empty, those of one reason together.
Json reasons(const NodeFacts& facts, const core::Pool& pool) {
  std::map<std::pair<core::EmptyReason, std::string>, std::uint32_t> counts;
  std::uint32_t asked = 0;
  for (const auto& [index, slot] : pool.slots) {
    if (slot.worker || slot.leaving) continue;
    if (++asked > kSlotsAsked) break;
    const core::EmptySlot why = facts.why(pool.settings.name, index);
    ++counts[{why.reason, why.detail.substr(0, kDetailBytesMax)}];
  }
  Json rows = Json::array();
  for (const auto& [why, count] : counts) {
    if (rows.size() == kReasonsMax) break;
    rows.push_back({{"reason", control::name(why.first)},
                    {"message", control::sentence(why.first)},
                    {"detail", why.second},
                    {"count", count}});
  }
  return rows;
}

Json short_row(const NodeFacts& facts, const core::Pool& pool, const control::Tally& tally) {
  const auto document = facts.documents.find(pool.settings.name);
  return {{"document", document == facts.documents.end() ? 0 : document->second},
          {"revision", static_cast<std::uint32_t>(pool.settings.revision)},
          {"active_revision", static_cast<std::uint32_t>(pool.active)},
          {"replicas", pool.settings.replicas},
          {"running", tally.running},
          {"empty", tally.empty},
          {"outdated", tally.outdated},
          {"paused", pool.settings.paused},
          {"deleting", pool.dropped}};
}

void add_image(Json& row, const NodeFacts& facts, const core::Pool& pool) {
  const agent::KnownRevision* known =
      facts.catalog.revision(pool.settings.name, pool.settings.revision);
  if (known == nullptr) return;
  row["image"] = known->worker.image;
  row["image_digest"] = known->row.image;
}

void add_gaps(Json& row, const NodeFacts& facts, const core::Pool& pool) {
  const auto evidence = facts.evidence.pools().find(pool.settings.name);
  if (evidence == facts.evidence.pools().end() || evidence->second.gap.count() == 0) return;
  const auto us = [&evidence](double q) {
    return evidence->second.gap.quantile(q) / std::chrono::microseconds(1);
  };
  row["gap_p50_us"] = us(0.5);
  row["gap_p99_us"] = us(0.99);
}

Json pool_row(const NodeFacts& facts, const core::Pool& pool, const control::Tally& tally) {
  Json row = short_row(facts, pool, tally);
  Json& exits = row["exits"] = Json::object();
  for (const auto& [exit_class, count] : pool.counters.exits) {
    exits[std::string(control::name(exit_class))] = count;
  }
  add_image(row, facts, pool);
  add_gaps(row, facts, pool);
  if (tally.empty > 0) row["why"] = reasons(facts, pool);
  return row;
}

/// As many as fit.
void add_pools(Json& status, const NodeFacts& facts, const control::Tallies& tallies) {
  Json& rows = status["pools"] = Json::object();
  std::size_t bytes = 0;
  std::size_t left_out = 0;
  for (const auto& [name, pool] : facts.model.pools) {
    const bool is_roomy = bytes < kPoolsBytesMax / 2;
    Json row = is_roomy ? pool_row(facts, pool, tallies.at(name))
                        : short_row(facts, pool, tallies.at(name));
    const std::size_t more = dump(row).size() + name.size() + 4;
    if (bytes + more > kPoolsBytesMax) {
      ++left_out;
      continue;
    }
    bytes += more;
    rows[name] = std::move(row);
  }
  status["pools_left_out"] = left_out;
}

void add_refusals(Json& status, const NodeFacts& facts) {
  Json rows = Json::object();
  Json documents = Json::object();
  for (const auto& [pool, why] : facts.refused) {
    if (rows.size() == kRefusedMax) break;
    const std::string name = pool.substr(0, kNameBytesMax);
    rows[name] = why.substr(0, kWhyBytesMax);
    const auto document = facts.refused_documents.find(pool);
    if (document != facts.refused_documents.end()) documents[name] = document->second;
  }
  status["refused"] = std::move(rows);
  status["refused_documents"] = std::move(documents);
}

Json scheduling_row(const NodeFacts& facts, const control::Tallies& tallies) {
  const control::NodeScheduling& ordered = facts.ordered;
  control::Tally sum;
  for (const auto& [pool, tally] : tallies) sum += tally;
  Json row{{"state", control::name(facts.model.node_state)}};
  if (ordered.deadline_unix_ms) row["deadline_unix_ms"] = *ordered.deadline_unix_ms;
  row["workers"] = sum.running + sum.stopping;
  row["order"] = ordered.order;
  if (!ordered.refused.empty()) row["refused"] = ordered.refused.substr(0, kWhyBytesMax);
  return row;
}

}  // namespace

std::string node_info(const control::NodeStatus& node,
                      const std::map<std::string, std::string>& labels) {
  return dump({{"instance", node.instance},
               {"version", node.version},
               {"labels", labels},
               {"started_unix_ms", node.started_unix_ms}});
}

std::string node_status(const NodeFacts& facts) {
  Json status = Json::object();
  const control::Tallies tallies = control::tally_pools(facts.model);
  status["scheduling"] = scheduling_row(facts, tallies);
  add_pools(status, facts, tallies);
  add_refusals(status, facts);
  Json& lines = status["alarms"] = Json::array();
  for (const std::string& alarm : facts.alarms) lines.push_back(alarm.substr(0, kWhyBytesMax));
  return dump(status);
}

std::string sealed(const std::string& status, const std::string& instance, std::uint64_t token) {
  return R"({"instance":")" + instance + R"(","token":)" + std::to_string(token) + R"(,"status":)" +
         status + "}";
}

coordinator::Writer writer_of(const etcd::KeyValue& kv, const std::string& instance) {
  coordinator::Writer writer{.mod_revision = kv.mod_revision};
  const Json value = Json::parse(kv.value, nullptr, /*allow_exceptions=*/false);
  if (!value.is_object()) return writer;
  const auto whose = value.find("instance");
  const auto token = value.find("token");
  if (whose == value.end() || *whose != instance) return writer;
  writer.who = coordinator::Writer::Who::kUs;
  if (token != value.end() && token->is_number_unsigned()) writer.token = *token;
  return writer;
}

}  // namespace mayfly::fleet
