#include "agent/core/revisions.h"

#include <algorithm>

#include "agent/core/backoff.h"
#include "agent/core/node.h"
#include "agent/core/spares.h"
#include "agent/core/words.h"

namespace mayfly::core {

namespace {

/// A pull of a large image may be slow: asking again is cheap, since it joins the one that is out.
constexpr Duration kPrepareDeadline = 60s;
constexpr Duration kPrepareWaitFirst = 1s;
constexpr Duration kPrepareWaitMax = 60s;

void activate(Turn& turn, Pool& pool, Revision revision) {
  pool.active = revision;
  clear_backoff(pool);  // what failed was the revision before
  pool.starts = pool.staging;
  pool.staging = {};
  turn.decision.transitions.push_back({.at = turn.now,
                                       .pool = pool.settings.name,
                                       .worker = std::nullopt,
                                       .slot = std::nullopt,
                                       .revision = revision,
                                       .what = words::kRevisionActive,
                                       .detail = {}});
}

void activate_staged(Turn& turn) {
  for (const WorkerId id : index_of(turn, WorkerPhase::kHeld)) {
    const Worker& worker = turn.model.workers.at(id);
    Pool& pool = pool_of(turn, worker);
    if (!worker.gate_ready || worker.revision <= pool.active) continue;
    if (worker.revision == staged_revision(pool)) activate(turn, pool, worker.revision);
  }
}

}  // namespace

bool can_start_active(const Pool& pool) {
  if (pool.active == kNoRevision) return false;
  // An older one may still be usable: the pool keeps going on it until the desired one is there.
  return pool.active < pool.settings.revision || pool.prepared >= pool.active;
}

void follow_revisions(Turn& turn) {
  if (!turn.model.adopted) return;
  activate_staged(turn);
  for (auto& [name, pool] : turn.model.pools) {
    pool.standby_target = standby_target(turn.model, pool, turn.now);
    if (pool.prepared <= pool.active) continue;
    if (pool.active == kNoRevision || pool.standby_target == 0) {
      activate(turn, pool, pool.prepared);
    }
  }
}

void prepare_revisions(Turn& turn) {
  if (is_closed(turn.model)) return;
  for (auto& [name, pool] : turn.model.pools) {
    if (pool.dropped || pool.prepared >= pool.settings.revision) continue;
    if (pool.preparing && pool.prepare_deadline <= turn.now) pool.preparing = false;
    if (!pool.preparing && pool.prepare_at <= turn.now && turn.model.runtime_up) {
      pool.preparing = true;
      pool.prepare_deadline = after(turn.now, kPrepareDeadline);
      act(turn, PrepareRevision{name, pool.settings.revision});
    }
    const Time next = pool.preparing ? pool.prepare_deadline : pool.prepare_at;
    if (next > turn.now) wake(turn, next);
  }
}

void prepared(Turn& turn, Pool& pool, Revision revision) {
  if (revision != pool.settings.revision || revision <= pool.prepared) return;
  pool.prepared = revision;
  pool.preparing = false;
  pool.prepare_failures = 0;
  pool.prepare_failure.clear();
  if (revision != pool.active) pool.staging = {};
  tell(turn, pool, words::kRevisionPrepared);
}

void prepare_failed(Turn& turn, Pool& pool, const RevisionFailed& event) {
  if (event.revision != pool.settings.revision || !pool.preparing) return;
  pool.preparing = false;
  pool.prepare_failure = bounded(event.reason);
  if (turn.model.runtime_up) ++pool.prepare_failures;
  const std::uint32_t tries = std::max(pool.prepare_failures, 1U);
  pool.prepare_at = after(turn.now, doubled(kPrepareWaitFirst, tries, kPrepareWaitMax));
  tell(turn, pool, words::kRevisionFailed, pool.prepare_failure);
}

}  // namespace mayfly::core
