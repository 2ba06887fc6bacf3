// Workers, spares, and the slots that have neither.
#include <nlohmann/json.hpp>

#include "agent/control/names.h"
#include "agent/control/tally.h"
#include "agent/control/views.h"

namespace mayfly::control {
namespace {

void add_time(Json& row, const std::string& key, std::optional<core::Time> time, Moment moment) {
  const auto unix_ms = time ? moment.unix_ms_of(*time) : std::nullopt;
  row[key] = unix_ms ? Json(rfc3339(*unix_ms)) : Json();
}

/// How long it has been in the part of its life that people ask about.
Json age_ms(const core::Worker& worker, Moment moment) {
  for (const auto& since :
       {worker.running, worker.released, worker.ready, worker.started, worker.start_asked}) {
    if (since) return to_ms(worker.exited.value_or(moment.now) - *since);
  }
  return nullptr;
}

Json status_json(const std::optional<core::ExitStatus>& status) {
  if (!status) return nullptr;
  if (status->signal != 0) return {{"signal", status->signal}};
  return {{"code", status->code}};
}

Json slot_json(const std::string& pool, core::SlotIndex index, const core::EmptySlot& why,
               Moment moment) {
  Json slot{{"pool", pool},
            {"slot", index},
            {"reason", name(why.reason)},
            {"message", sentence(why.reason)},
            {"detail", why.detail}};
  const auto next_ms = moment.unix_ms_of(why.next_attempt);
  slot["next_attempt_at"] = next_ms ? Json(rfc3339(*next_ms)) : Json();
  slot["next_attempt_in_ms"] =
      next_ms ? Json(std::max<std::int64_t>(0, *next_ms - moment.unix_ms)) : Json();
  return slot;
}

Json pull_for(const core::EmptySlot& why, const PullsByPool& pulls, const std::string& pool) {
  return why.reason == core::EmptyReason::kPulling ? pull_of(pulls, pool) : Json();
}

}  // namespace

Json worker_view(const Operations& operations, const core::Worker& worker, Moment moment) {
  Json row;
  row["name"] = operations.worker_name(worker.pool, worker.id);
  row["pool"] = worker.pool;
  row["slot"] = worker.slot ? Json(*worker.slot) : Json();
  row["revision"] = static_cast<std::uint32_t>(worker.revision);
  row["phase"] = name(worker.phase);
  row["gate_ready"] = worker.gate_ready;
  row["adopted"] = worker.adopted;
  row["stop_reason"] = worker.stop_reason;
  row["fault"] = worker.fault;
  row["age_ms"] = age_ms(worker, moment);
  add_time(row, "start_asked_at", worker.start_asked, moment);
  add_time(row, "ready_at", worker.ready, moment);
  add_time(row, "released_at", worker.released, moment);
  add_time(row, "running_at", worker.running, moment);
  add_time(row, "exited_at", worker.exited, moment);
  row["respawn_gap_us"] = worker.respawn_gap ? Json(to_us(*worker.respawn_gap)) : Json();
  row["exit"] = status_json(worker.status);
  return row;
}

Json workers_view(const Operations& operations, WorkerRole role, const std::string& pool,
                  Moment moment) {
  const bool spares = role == WorkerRole::kSpare;
  Json rows = Json::array();
  for (const auto& [id, worker] : operations.model().workers) {
    if (!pool.empty() && worker.pool != pool) continue;
    if (is_spare(worker) == spares) rows.push_back(worker_view(operations, worker, moment));
  }
  return {{"at", rfc3339(moment.unix_ms)}, {spares ? "spares" : "workers", std::move(rows)}};
}

std::vector<Json> empty_slots(const Operations& operations, const std::string& pool,
                              std::size_t limit, Moment moment) {
  const PullsByPool pulls = pulls_by_pool(operations.pulls());
  std::vector<Json> out;
  for (const auto& [index, slot] : operations.model().pools.at(pool).slots) {
    if (out.size() >= limit) break;
    if (slot.worker) continue;
    const core::EmptySlot why = operations.why(pool, index);
    Json row = slot_json(pool, index, why, moment);
    row["pull"] = pull_for(why, pulls, pool);
    out.push_back(std::move(row));
  }
  return out;
}

Json why_pool_view(const Operations& operations, const std::string& pool, Moment moment) {
  const core::Pool& found = operations.model().pools.at(pool);
  const Tally tally = tally_pools(operations.model()).at(pool);
  return {{"pool", pool},
          {"replicas", found.settings.replicas},
          {"running", tally.running},
          {"empty", tally.empty},
          {"revision", static_cast<std::uint32_t>(found.settings.revision)},
          {"pull", pull_of(pulls_by_pool(operations.pulls()), pool)},
          {"empty_slots", empty_slots(operations, pool, kEmptySlotsListed, moment)}};
}

Json why_slot_view(const Operations& operations, const std::string& pool, core::SlotIndex slot,
                   Moment moment) {
  const core::EmptySlot why = operations.why(pool, slot);
  Json view = slot_json(pool, slot, why, moment);
  view["pull"] = pull_for(why, pulls_by_pool(operations.pulls()), pool);
  const core::Slot& found = operations.model().pools.at(pool).slots.at(slot);
  view["worker"] = found.worker ? Json(operations.worker_name(pool, *found.worker)) : Json();
  view["last_failure"] = found.last_failure;
  return view;
}

}  // namespace mayfly::control
