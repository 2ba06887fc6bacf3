#include "agent/fleet_report.h"

#include <nlohmann/json.hpp>

#include "agent/control/names.h"
#include "agent/control/tally.h"

namespace mayfly::agent {
namespace {

using Json = nlohmann::ordered_json;

// JSON makes three bytes of one that is no UTF-8, and six of a control character.
constexpr std::size_t kRefusedMax = 20;
constexpr std::size_t kNameBytesMax = 60;
constexpr std::size_t kWhyBytesMax = 300;
constexpr std::size_t kPoolsBytesMax = kReportBytesMax / 2;

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json pool_row(const core::Pool& pool, const control::Tally& tally) {
  Json exits = Json::object();
  for (const auto& [exit_class, count] : pool.counters.exits) {
    exits[std::string(control::name(exit_class))] = count;
  }
  return {{"revision", static_cast<std::uint32_t>(pool.settings.revision)},
          {"active_revision", static_cast<std::uint32_t>(pool.active)},
          {"replicas", pool.settings.replicas},
          {"running", tally.running},
          {"empty", tally.empty},
          {"outdated", tally.outdated},
          {"paused", pool.settings.paused},
          {"exits", std::move(exits)}};
}

Json scheduling_row(const core::Model& model, const control::NodeScheduling& ordered,
                    const control::Tallies& tallies) {
  control::Tally sum;
  for (const auto& [pool, tally] : tallies) sum += tally;
  Json row{{"state", control::name(model.node_state)}};
  if (ordered.deadline_unix_ms) row["deadline_unix_ms"] = *ordered.deadline_unix_ms;
  row["workers"] = sum.running + sum.stopping;
  row["order"] = ordered.order;
  if (!ordered.refused.empty()) row["refused"] = ordered.refused.substr(0, kWhyBytesMax);
  return row;
}

}  // namespace

std::string fleet_info(const control::NodeStatus& node,
                       const std::map<std::string, std::string>& labels) {
  return dump({{"instance", node.instance},
               {"version", node.version},
               {"labels", labels},
               {"started_unix_ms", node.started_unix_ms}});
}

std::string fleet_status(const core::Model& model, const control::NodeScheduling& ordered,
                         const std::map<std::string, std::string>& refused,
                         const std::vector<std::string>& alarms) {
  Json status{{"scheduling", Json::object()}, {"pools", Json::object()}, {"pools_left_out", 0}};
  const control::Tallies tallies = control::tally_pools(model);
  status["scheduling"] = scheduling_row(model, ordered, tallies);
  std::size_t bytes = 0;
  std::size_t left_out = 0;
  for (const auto& [name, pool] : model.pools) {
    Json row = pool_row(pool, tallies.at(name));
    bytes += dump(row).size() + name.size() + 4;
    if (bytes > kPoolsBytesMax) {
      ++left_out;
      continue;
    }
    status["pools"][name] = std::move(row);
  }
  status["pools_left_out"] = left_out;
  Json& rows = status["refused"] = Json::object();
  for (const auto& [pool, why] : refused) {
    if (rows.size() == kRefusedMax) break;
    rows[pool.substr(0, kNameBytesMax)] = why.substr(0, kWhyBytesMax);
  }
  Json& lines = status["alarms"] = Json::array();
  for (const std::string& alarm : alarms) lines.push_back(alarm.substr(0, kWhyBytesMax));
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

}  // namespace mayfly::agent
