#include "agent/core/spares.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "agent/core/backoff.h"
#include "agent/core/node.h"
#include "agent/core/slots.h"
#include "agent/core/words.h"

namespace mayfly::core {

namespace {

constexpr std::uint32_t kStandbyMin = 1;
constexpr std::uint32_t kStandbyMax = 8;
constexpr double kExitRateSeconds = 3;
// Exits come as they like: so many standard deviations more than come on average while a spare is
// made are met by one (98 of 100, for exits that know nothing of each other).
constexpr double kStandbyMargin = 2.5;
constexpr int kStartTimeWeight = 4;

bool is_wanted(const Model& model, const Pool& pool, const Worker& worker) {
  if (is_closed(model) || pool.dropped || worker.revision == kNoRevision) return false;
  return worker.revision == pool.active || worker.revision == staged_revision(pool);
}

const char* why_unwanted(const Model& model, const Pool& pool) {
  if (is_closed(model)) return why_closed(model);
  return pool.dropped ? "pool dropped" : "revision superseded";
}

void dismiss_unwanted(Turn& turn) {
  for (const WorkerId id : in_phase(turn, WorkerPhase::kHeld)) {
    Worker& worker = turn.model.workers.at(id);
    const Pool& pool = pool_of(turn, worker);
    if (!is_wanted(turn.model, pool, worker)) {
      dismiss(turn, worker, why_unwanted(turn.model, pool));
    }
  }
  for (const WorkerPhase phase : {WorkerPhase::kStarting, WorkerPhase::kUncertain}) {
    for (const WorkerId id : index_of(turn, phase)) {
      Worker& worker = turn.model.workers.at(id);
      const Pool& pool = pool_of(turn, worker);
      if (worker.stop_asked || is_wanted(turn.model, pool, worker)) continue;
      worker.stop_asked = true;
      worker.stop_reason = why_unwanted(turn.model, pool);
    }
  }
}

std::size_t count_open(const Pool& pool) {
  return static_cast<std::size_t>(std::count_if(
      pool.slots.begin(), pool.slots.end(), [](const auto& each) { return is_open(each.second); }));
}

/// More than this is thrown away. With "auto" the target follows the exits up and down: what became
/// too much then is used up by later exits rather than thrown away.
std::size_t kept_at_most(const Turn& turn, const Pool& pool, const std::vector<Worker*>& held) {
  if (slots_allowed(turn.model, pool) == 0) return 0;
  const bool replacing = std::any_of(
      held.begin(), held.end(), [&](const Worker* each) { return is_aged(pool, *each, turn.now); });
  const std::uint32_t standby = pool.settings.standby.value_or(kStandbyMax);
  return count_open(pool) + standby + (replacing ? 1 : 0);
}

struct HeldOfPool {
  std::vector<Worker*> active;
  std::vector<Worker*> staged;
};

void dismiss_surplus(Turn& turn, std::vector<Worker*>& held, std::size_t kept) {
  while (held.size() > kept) {
    dismiss(turn, *held.back(), "more spares than wanted");
    held.pop_back();
  }
}

/// An old spare goes only when the pool has enough without it. Those that stay are left in `held`.
void dismiss_aged(Turn& turn, const Pool& pool, std::vector<Worker*>& held) {
  const std::size_t needed = count_open(pool) + standby_target(turn.model, pool, turn.now);
  auto ready = static_cast<std::size_t>(
      std::count_if(held.begin(), held.end(), [](const Worker* each) { return each->gate_ready; }));
  const auto goes = [&](Worker* worker) {
    const bool aged = is_aged(pool, *worker, turn.now);
    if (!aged && worker->ready) wake(turn, after(*worker->ready, pool.settings.spare_age_max));
    if (!aged || (worker->gate_ready && ready <= needed)) return false;
    if (worker->gate_ready) --ready;
    dismiss(turn, *worker, "held for too long");
    return true;
  };
  held.erase(std::remove_if(held.begin(), held.end(), goes), held.end());
}

std::map<PoolName, HeldOfPool> held_by_pool(Turn& turn) {
  std::map<PoolName, HeldOfPool> pools;
  for (const WorkerId id : index_of(turn, WorkerPhase::kHeld)) {
    Worker& worker = turn.model.workers.at(id);
    HeldOfPool& held = pools[worker.pool];
    (worker.revision == pool_of(turn, worker).active ? held.active : held.staged)
        .push_back(&worker);
  }
  return pools;
}

}  // namespace

bool is_spare(const Pool& pool, const Worker& worker) {
  return worker.phase == WorkerPhase::kHeld && worker.gate_ready &&
         worker.revision == pool.active && worker.revision != kNoRevision;
}

Revision staged_revision(const Pool& pool) {
  if (pool.prepared > pool.active) return pool.prepared;
  // Not prepared yet, but an earlier run of the agent may have left spares of it.
  if (pool.settings.revision > pool.active) return pool.settings.revision;
  return kNoRevision;
}

double exits_per_s(const Pool& pool, Time now) {
  const double passed = std::chrono::duration<double>(now - pool.exit_counted).count();
  return pool.exits_per_s * std::exp(-passed / kExitRateSeconds);
}

void count_exit(Pool& pool, Time now) {
  pool.exits_per_s = exits_per_s(pool, now) + 1 / kExitRateSeconds;
  pool.exit_counted = now;
}

std::uint32_t standby_target(const Model& model, const Pool& pool, Time now) {
  if (slots_allowed(model, pool) == 0) return 0;
  if (pool.settings.standby) return *pool.settings.standby;
  const double start_time = std::chrono::duration<double>(pool.start_time).count();
  const double meanwhile = exits_per_s(pool, now) * start_time;
  const double needed = 1 + std::floor(meanwhile + kStandbyMargin * std::sqrt(meanwhile));
  return std::clamp(static_cast<std::uint32_t>(std::min(needed, 1.0 * kStandbyMax)), kStandbyMin,
                    kStandbyMax);
}

std::uint32_t staging_target(const Pool& pool) {
  return std::max(pool.standby_target, 1U);
}

bool is_aged(const Pool& pool, const Worker& worker, Time now) {
  return worker.ready && after(*worker.ready, pool.settings.spare_age_max) <= now;
}

void dismiss(Turn& turn, Worker& worker, const std::string& why) {
  enter(turn, worker, WorkerPhase::kRemoving);
  tell(turn, worker, words::kDismissed, why);
}

void hold(Turn& turn, Worker& worker) {
  worker.started = turn.now;
  worker.counts_after = turn.memory.inventory.last;
  if (worker.stop_asked) return dismiss(turn, worker, worker.stop_reason);
  enter(turn, worker, WorkerPhase::kHeld);
  tell(turn, worker, worker.adopted ? words::kAdopted : words::kStarted);
  if (worker.gate_ready) return became_ready(turn, worker);
  worker.deadline = after(turn.now, turn.model.limits.ready_deadline);
}

void became_ready(Turn& turn, Worker& worker) {
  Pool& pool = pool_of(turn, worker);
  worker.deadline = kNever;
  worker.fault.clear();
  if (StartCurve* curve = start_curve(pool, worker.revision)) *curve = {};
  const bool first = !worker.ready;
  if (first) worker.ready = turn.now;
  tell(turn, worker, words::kReady);
  // What was uncertain for a while tells nothing about how long a start takes.
  if (!first || !worker.start_asked || worker.adopted) return;
  const Duration took = turn.now - *worker.start_asked;
  const bool measured = pool.start_time != Duration::zero();
  pool.start_time = measured ? pool.start_time + (took - pool.start_time) / kStartTimeWeight : took;
}

void dismiss_spares(Turn& turn) {
  if (!turn.model.adopted) return;
  dismiss_unwanted(turn);
  for (auto& [name, held] : held_by_pool(turn)) {
    Pool& pool = turn.model.pools.at(name);
    dismiss_aged(turn, pool, held.active);
    if (pool.settings.paused) continue;
    dismiss_surplus(turn, held.active, kept_at_most(turn, pool, held.active));
    dismiss_surplus(turn, held.staged, staging_target(pool));
  }
}

}  // namespace mayfly::core
