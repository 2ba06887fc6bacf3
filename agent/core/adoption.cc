#include "agent/core/adoption.h"

#include <algorithm>

#include "agent/core/exits.h"
#include "agent/core/slots.h"
#include "agent/core/spares.h"
#include "agent/core/stops.h"
#include "agent/core/words.h"

namespace mayfly::core {

namespace {

/// Ids above this are not given out by any run; one that is seen must not push ours round.
constexpr std::uint64_t kWorkerIdMax = 1ULL << 63U;

Pool& home_of(Turn& turn, const ObservedWorker& seen) {
  const auto [place, added] = turn.model.pools.try_emplace(seen.pool);
  Pool& pool = place->second;
  if (added) {
    pool.settings.name = seen.pool;
    pool.settings.replicas = 0;
    pool.dropped = true;
  }
  return pool;
}

Worker& take_in(Turn& turn, const ObservedWorker& seen, WorkerPhase phase) {
  home_of(turn, seen);
  const std::uint64_t id = raw(seen.worker);
  if (id < kWorkerIdMax) turn.memory.next_worker = std::max(turn.memory.next_worker, id + 1);
  Worker& worker = add_worker(
      turn, {.id = seen.worker, .pool = seen.pool, .revision = seen.revision, .phase = phase});
  worker.adopted = true;
  worker.counts_after = turn.memory.inventory.last;
  return worker;
}

void adopt_running(Turn& turn, const ObservedWorker& seen) {
  Worker& worker = take_in(turn, seen, WorkerPhase::kRunning);
  worker.started = turn.now;
  const bool stays = place_found(pool_of(turn, worker), worker, *seen.released_to);
  tell(turn, worker, words::kAdopted);
  if (!stays) request_stop(turn, worker, "more workers than wanted");
}

void adopt_ended(Turn& turn, const ObservedWorker& seen) {
  Worker& worker = take_in(turn, seen, WorkerPhase::kExited);
  worker.slot = seen.released_to;
  if (seen.status) settle_status(worker, seen.status);
  tell(turn, worker, words::kAdopted, "it has ended");
}

void adopt_held(Turn& turn, const ObservedWorker& seen) {
  Worker& worker = take_in(turn, seen, WorkerPhase::kHeld);
  hold(turn, worker);
}

void discard(Turn& turn, const ObservedWorker& seen) {
  Worker& worker = take_in(turn, seen, WorkerPhase::kRemoving);
  tell(turn, worker, words::kDismissed, "found unfit");
}

void adopt_one(Turn& turn, const ObservedWorker& seen) {
  if (seen.released_to && seen.state == ContainerState::kRunning) return adopt_running(turn, seen);
  // A half removed one was recorded before, or its end was missed: recording is idempotent.
  if (seen.released_to) return adopt_ended(turn, seen);
  const bool first = !turn.model.adopted;
  if (first && seen.state == ContainerState::kRunning) return adopt_held(turn, seen);
  discard(turn, seen);
}

/// The pool goes on with what it ran before, until the desired revision can carry it.
void choose_active(Turn& turn, Pool& pool) {
  for (const WorkerId id : pool.workers) {
    const Worker& worker = turn.model.workers.at(id);
    if (worker.phase == WorkerPhase::kRemoving) continue;
    if (worker.revision <= pool.settings.revision) {
      pool.active = std::max(pool.active, worker.revision);
    }
  }
}

}  // namespace

void adopt(Turn& turn, const std::vector<const ObservedWorker*>& strangers) {
  for (const ObservedWorker* seen : strangers) adopt_one(turn, *seen);
  if (turn.model.adopted) return;
  turn.model.adopted = true;
  for (auto& [name, pool] : turn.model.pools) choose_active(turn, pool);
}

void was_never_released(Turn& turn, Worker& worker) {
  worker.gate_ready = true;
  worker.ready = turn.now;
  if (!worker.stop_asked && may_begin(turn, worker)) {
    worker.released = turn.now;
    return send_release(turn, worker);
  }
  // It keeps its slot until nothing of it is left: its marker would claim the slot again.
  dismiss(turn, worker, "found held, and not wanted");
}

}  // namespace mayfly::core
