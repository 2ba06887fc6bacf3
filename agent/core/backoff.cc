#include "agent/core/backoff.h"

#include <algorithm>
#include <cmath>

#include "agent/core/words.h"

namespace mayfly::core {

namespace {

constexpr Duration kStartWaitFirst = 1s;
constexpr Duration kStartWaitMax = 60s;

/// splitmix64.
std::uint64_t random_bits(Memory& memory) {
  memory.random_state += 0x9e3779b97f4a7c15ULL;
  std::uint64_t bits = memory.random_state;
  bits = (bits ^ (bits >> 30U)) * 0xbf58476d1ce4e5b9ULL;
  bits = (bits ^ (bits >> 27U)) * 0x94d049bb133111ebULL;
  return bits ^ (bits >> 31U);
}

/// The failed worker ran long itself, or one released after the last rise does.
bool does_well(Turn& turn, const Pool& pool, const Worker& failed) {
  if (ran_long(pool, failed, turn.now)) return true;
  return std::any_of(pool.workers.begin(), pool.workers.end(), [&](WorkerId id) {
    const Worker& worker = turn.model.workers.at(id);
    return worker.released >= pool.failures_raised && ran_long(pool, worker, turn.now);
  });
}

}  // namespace

Duration backoff_bound(const Backoff& backoff, std::uint32_t failures) {
  if (failures == 0) return Duration::zero();
  const auto initial = static_cast<double>(backoff.initial.count());
  const double bound = initial * std::pow(backoff.factor, failures - 1);
  const auto max = static_cast<double>(backoff.max.count());
  // Written so that a bound that is not a number counts as the maximum.
  if (!(bound < max)) return std::max(backoff.max, Duration::zero());
  return std::max(Duration(static_cast<Duration::rep>(bound)), Duration::zero());
}

Duration jittered(Memory& memory, Duration bound) {
  const double share = static_cast<double>(random_bits(memory) >> 11U) * 0x1.0p-53;
  return Duration(static_cast<Duration::rep>(share * static_cast<double>(bound.count())));
}

void back_off(Turn& turn, const Worker& worker, std::string why) {
  Pool& pool = pool_of(turn, worker);
  if (does_well(turn, pool, worker)) clear_failures(pool);
  if (pool.failures == 0 || worker.released.value_or(Time::min()) > pool.failures_raised) {
    ++pool.failures;
    pool.failures_raised = turn.now;
  }
  const auto slot = worker.slot ? pool.slots.find(*worker.slot) : pool.slots.end();
  if (slot == pool.slots.end()) return;
  const Duration bound = backoff_bound(pool.settings.backoff, pool.failures);
  slot->second.not_before = after(turn.now, jittered(turn.memory, bound));
  slot->second.last_failure = why;
  tell(turn, worker, words::kBackoff, std::move(why));
}

bool ran_long(const Pool& pool, const Worker& worker, Time now) {
  // Of an adopted one it is only known that it has run since it was found.
  const std::optional<Time> since =
      worker.running || !worker.adopted ? worker.running : worker.started;
  if (!since) return false;
  return worker.exited.value_or(now) - *since >= pool.settings.backoff.reset_after;
}

void clear_failures(Pool& pool) {
  pool.failures = 0;
}

void clear_backoff(Pool& pool) {
  clear_failures(pool);
  for (auto& [index, slot] : pool.slots) {
    slot.not_before = Time{};
    slot.losses = 0;
  }
}

StartCurve* start_curve(Pool& pool, Revision revision) {
  if (revision == pool.active) return &pool.starts;
  if (revision == pool.prepared && pool.prepared > pool.active) return &pool.staging;
  return nullptr;
}

void start_failed(Turn& turn, const Worker& worker, const std::string& why) {
  Pool& pool = pool_of(turn, worker);
  ++pool.counters.start_failures;
  tell(turn, worker, words::kStartFailed, why);
  StartCurve* curve = start_curve(pool, worker.revision);
  if (curve == nullptr || !turn.model.runtime_up) return;
  curve->failure = why;
  if (curve->failures > 0 && worker.start_asked.value_or(Time::min()) <= curve->raised) return;
  ++curve->failures;
  curve->raised = turn.now;
  curve->not_before = after(turn.now, doubled(kStartWaitFirst, curve->failures, kStartWaitMax));
}

}  // namespace mayfly::core
