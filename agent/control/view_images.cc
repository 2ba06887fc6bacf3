// Images, the pulls that bring them, and what a look at the host found.
#include <nlohmann/json.hpp>

#include "agent/control/views.h"

namespace mayfly::control {
namespace {

/// null: it cannot be told.
Json left_ms(const Pull& pull, double bytes_per_s) {
  if (pull.bytes_total <= pull.bytes_done || bytes_per_s <= 0) return nullptr;
  const auto left = static_cast<double>(pull.bytes_total - pull.bytes_done);
  return static_cast<std::int64_t>(left / bytes_per_s * 1000);
}

}  // namespace

Json image_view(const ImageRow& row) {
  Json used_by = Json::array();
  for (const ImageUser& user : row.used_by) {
    used_by.push_back({{"pool", user.pool}, {"revision", user.revision}, {"role", user.role}});
  }
  return {{"name", row.name},
          {"digest", row.digest},
          {"size_bytes", row.size_bytes},
          {"ours", row.ours},
          {"used_by", std::move(used_by)},
          {"unused_since", row.unused_unix_ms ? Json(rfc3339(*row.unused_unix_ms)) : Json()}};
}

Json pull_view(const Pull& pull) {
  const double seconds = static_cast<double>(pull.took_ms) / 1000.0;
  const double speed = seconds > 0 ? static_cast<double>(pull.bytes_done) / seconds : 0;
  Json wanted_by = Json::array();
  for (const PullFor& wanted : pull.wanted_by) {
    wanted_by.push_back({{"pool", wanted.pool}, {"revision", wanted.revision}});
  }
  return {{"image", pull.image},
          {"digest", pull.digest},
          {"bytes_done", pull.bytes_done},
          {"bytes_total", pull.bytes_total},
          {"layers_done", pull.layers_done},
          {"layers_total", pull.layers_total},
          {"took_ms", pull.took_ms},
          {"bytes_per_s", static_cast<std::uint64_t>(speed)},
          {"left_ms", left_ms(pull, speed)},
          {"waiting_for", pull.waiting_for},
          {"wanted_by", std::move(wanted_by)}};
}

PullsByPool pulls_by_pool(const std::vector<Pull>& pulls) {
  PullsByPool by_pool;
  for (const Pull& pull : pulls) {
    for (const PullFor& wanted : pull.wanted_by) by_pool.emplace(wanted.pool, pull_view(pull));
  }
  return by_pool;
}

Json pull_of(const PullsByPool& pulls, const std::string& pool) {
  const auto found = pulls.find(pool);
  return found == pulls.end() ? Json() : found->second;
}

Json collected_view(const CollectedRow& row) {
  return {{"name", row.name},
          {"digest", row.digest},
          {"size_bytes", row.size_bytes},
          {"why", row.why},
          {"fault", row.fault}};
}

Json doctor_view(const std::vector<doctor::Check>& checks) {
  Json rows = Json::array();
  for (const doctor::Check& check : checks) {
    rows.push_back({{"name", check.name},
                    {"status", doctor::word(check.status)},
                    {"what", check.what},
                    {"fix", check.fix}});
  }
  return {{"checks", std::move(rows)}};
}

}  // namespace mayfly::control
