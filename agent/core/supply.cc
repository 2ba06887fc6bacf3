#include "agent/core/supply.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "agent/core/node.h"
#include "agent/core/pace.h"
#include "agent/core/revisions.h"
#include "agent/core/slots.h"
#include "agent/core/spares.h"
#include "agent/core/words.h"

namespace mayfly::core {

namespace {

/// Every so many starts the turn is given to a lower purpose first, so that a pool that spins never
/// keeps the others from growing.
constexpr std::uint64_t kTurnOfTheWeak = 4;

struct Supply {
  std::uint32_t active = 0;  ///< started or being started, not old
  std::uint32_t aged = 0;
  std::uint32_t staged = 0;
};

/// How many containers a pool lacks, by what for.
struct Lack {
  Pool* pool = nullptr;
  std::array<std::uint32_t, kStartPurposes> counts{};

  std::uint32_t& of(StartPurpose purpose) { return counts.at(static_cast<std::size_t>(purpose)); }
};

using Lacks = std::map<PoolName, Lack>;

std::map<PoolName, Supply> count_supply(Turn& turn) {
  std::map<PoolName, Supply> supplies;
  for (const auto phase : {WorkerPhase::kStarting, WorkerPhase::kUncertain, WorkerPhase::kHeld}) {
    for (const WorkerId id : index_of(turn, phase)) {
      const Worker& worker = turn.model.workers.at(id);
      const Pool& pool = pool_of(turn, worker);
      if (worker.stop_asked) continue;
      Supply& supply = supplies[worker.pool];
      if (worker.revision != pool.active) {
        ++supply.staged;
      } else {
        ++(is_aged(pool, worker, turn.now) ? supply.aged : supply.active);
      }
    }
  }
  return supplies;
}

std::uint32_t take(std::uint32_t& supply, std::uint32_t wanted) {
  const std::uint32_t taken = std::min(supply, wanted);
  supply -= taken;
  return wanted - taken;
}

void count_active(Turn& turn, Lack& lack, Supply& supply) {
  const Pool& pool = *lack.pool;
  // Old spares count but for one: they are replaced one at a time.
  std::uint32_t left = supply.active + supply.aged - std::min(supply.aged, 1U);
  std::uint32_t respawns = 0;
  std::uint32_t fresh = 0;
  std::uint32_t later = 0;
  Time next = kNever;
  for (const auto& [index, slot] : pool.slots) {
    if (!is_open(slot)) continue;
    if (needs_supply(pool, slot, turn.now)) {
      ++(slot.vacated ? respawns : fresh);
    } else {
      ++later;
      next = std::min(next, slot.not_before - pool.start_time);
    }
  }
  lack.of(StartPurpose::kRespawn) = take(left, respawns);
  lack.of(StartPurpose::kScaleUp) = take(left, fresh);
  if (later > left) wake(turn, next);
  // While a new revision is staged, spares in stock are made of that one only.
  if (pool.prepared > pool.active) return;
  lack.of(StartPurpose::kStandby) = take(left, pool.standby_target);
}

Lacks count_lacks(Turn& turn) {
  std::map<PoolName, Supply> supplies = count_supply(turn);
  Lacks lacks;
  for (auto& [name, pool] : turn.model.pools) {
    if (pool.dropped || pool.settings.paused) continue;
    Supply& supply = supplies[name];
    Lack lack{.pool = &pool};
    if (can_start_active(pool)) count_active(turn, lack, supply);
    if (pool.prepared > pool.active) {
      lack.of(StartPurpose::kStaging) = take(supply.staged, staging_target(pool));
    }
    lacks.emplace(name, lack);
  }
  return lacks;
}

/// A revision that cannot be started waits; what is lacking of it is not asked for meanwhile.
void hold_failing(Turn& turn, Lack& lack) {
  const auto waits = [&](const StartCurve& curve) {
    if (curve.not_before > turn.now) wake(turn, curve.not_before);
    return curve.not_before > turn.now;
  };
  const bool any_active = lack.of(StartPurpose::kRespawn) + lack.of(StartPurpose::kScaleUp) +
                              lack.of(StartPurpose::kStandby) >
                          0;
  std::uint32_t& staging = lack.of(StartPurpose::kStaging);
  if (staging > 0 && waits(lack.pool->staging)) staging = 0;
  if (any_active && waits(lack.pool->starts)) {
    const std::uint32_t kept = staging;
    lack.counts = {};
    staging = kept;
  }
}

void start(Turn& turn, Pool& pool, Revision revision) {
  const WorkerId id{turn.memory.next_worker++};
  Worker& worker = add_worker(turn, {.id = id, .pool = pool.settings.name, .revision = revision});
  worker.start_asked = turn.now;
  worker.deadline = after(turn.now, turn.model.limits.start_deadline);
  wake(turn, worker.deadline);
  turn.memory.bucket.tokens -= 1;
  ++turn.memory.starts_made;
  act(turn, StartWorker{id, worker.pool, revision});
  tell(turn, worker, words::kStarting);
}

/// One container for the pool whose turn it is. False: none lacks any for this purpose.
bool serve(Turn& turn, Lacks& lacks, StartPurpose purpose) {
  PoolName& last = turn.memory.served_last.at(static_cast<std::size_t>(purpose));
  const auto lacking = [&](auto& each) { return each.second.of(purpose) > 0; };
  auto found = std::find_if(lacks.upper_bound(last), lacks.end(), lacking);
  if (found == lacks.end()) found = std::find_if(lacks.begin(), lacks.end(), lacking);
  if (found == lacks.end()) return false;
  Lack& lack = found->second;
  --lack.of(purpose);
  last = found->first;
  const bool staged = purpose == StartPurpose::kStaging;
  start(turn, *lack.pool, staged ? lack.pool->prepared : lack.pool->active);
  return true;
}

bool serve_any(Turn& turn, Lacks& lacks) {
  const std::uint64_t made = turn.memory.starts_made;
  std::size_t first = 0;
  if (made % kTurnOfTheWeak == kTurnOfTheWeak - 1) {
    first = 1 + (made / kTurnOfTheWeak) % (kStartPurposes - 1);
  }
  for (std::size_t i = 0; i < kStartPurposes; ++i) {
    const auto purpose = static_cast<StartPurpose>((first + i) % kStartPurposes);
    if (serve(turn, lacks, purpose)) return true;
  }
  return false;
}

double depth(const Limits& limits) {
  return std::max(1.0, 1.0 * limits.starts_burst);
}

double tokens_at(const Model& model, const StartBucket& bucket, Time now) {
  if (!(model.limits.starts_rate > 0)) return depth(model.limits);
  const double passed = std::chrono::duration<double>(now - bucket.filled).count();
  return std::min(depth(model.limits), bucket.tokens + passed * model.limits.starts_rate);
}

}  // namespace

bool needs_supply(const Pool& pool, const Slot& slot, Time now) {
  return slot.not_before - pool.start_time <= now;
}

Time next_start(const Model& model, const Memory& memory, Time now) {
  const auto size_of = [&](WorkerPhase phase) {
    return memory.phases.at(static_cast<std::size_t>(phase)).size();
  };
  const std::size_t out = size_of(WorkerPhase::kStarting) + size_of(WorkerPhase::kUncertain);
  if (out >= starts_allowed(model.limits, model.start_pace)) return kNever;
  if (!(model.limits.starts_rate > 0)) return now;
  const double tokens = tokens_at(model, memory.bucket, now);
  if (tokens >= 1) return now;
  const double wait_s = std::ceil((1 - tokens) / model.limits.starts_rate * 1e9) / 1e9;
  const double wait_max_s = 1e9;
  const std::chrono::duration<double> wait(std::min(wait_s, wait_max_s));
  return after(now, std::chrono::duration_cast<Duration>(wait) + Duration(1));
}

void start_workers(Turn& turn) {
  if (!turn.model.adopted || !turn.model.runtime_up || is_closed(turn.model)) return;
  Lacks lacks = count_lacks(turn);
  for (auto& [name, lack] : lacks) hold_failing(turn, lack);
  turn.memory.bucket.tokens = tokens_at(turn.model, turn.memory.bucket, turn.now);
  turn.memory.bucket.filled = turn.now;
  while (next_start(turn.model, turn.memory, turn.now) <= turn.now) {
    if (!serve_any(turn, lacks)) return;
  }
  const bool lacking = std::any_of(lacks.begin(), lacks.end(), [](const auto& each) {
    const auto& counts = each.second.counts;
    return std::any_of(counts.begin(), counts.end(), [](std::uint32_t count) { return count > 0; });
  });
  if (lacking) wake(turn, next_start(turn.model, turn.memory, turn.now));
}

}  // namespace mayfly::core
