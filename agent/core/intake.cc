#include "agent/core/intake.h"

#include <algorithm>
#include <utility>

#include "agent/core/backoff.h"
#include "agent/core/exits.h"
#include "agent/core/gates.h"
#include "agent/core/inventory.h"
#include "agent/core/node.h"
#include "agent/core/pace.h"
#include "agent/core/removals.h"
#include "agent/core/revisions.h"
#include "agent/core/shutdown.h"
#include "agent/core/spares.h"
#include "agent/core/stops.h"
#include "agent/core/words.h"

namespace mayfly::core {

namespace {

constexpr std::size_t kEarlyMax = 4096;

void desire(Turn& turn, const PoolSettings& settings) {
  Pool& pool = turn.model.pools[settings.name];
  const Revision before = pool.settings.revision;
  pool.settings = settings;
  pool.dropped = false;
  pool.settings.revision = std::max(before, settings.revision);
  tell(turn, pool, words::kPoolDesired);
  if (settings.revision < before) tell(turn, pool, words::kRevisionRefused);
  if (settings.revision <= before) return;
  pool.prepare_at = turn.now;
  pool.prepare_failures = 0;
  pool.prepare_failure.clear();
  pool.preparing = false;
}

void drop(Turn& turn, Pool& pool) {
  if (pool.dropped) return;
  pool.dropped = true;
  tell(turn, pool, words::kPoolDropped);
}

void reset(Turn& turn, Pool& pool) {
  clear_backoff(pool);
  pool.starts = {};
  pool.staging = {};
  pool.prepare_failures = 0;
  pool.prepare_at = turn.now;
}

bool is_start_open(const Worker& worker) {
  return worker.phase == WorkerPhase::kStarting || worker.phase == WorkerPhase::kUncertain;
}

/// By all that is known; one being started is answered for by its start.
bool is_held_alive(const Worker& worker) {
  switch (worker.phase) {
    case WorkerPhase::kUncertain:
    case WorkerPhase::kHeld:
    case WorkerPhase::kReleasing:
    case WorkerPhase::kRunning:
    case WorkerPhase::kStopping:
      return true;
    case WorkerPhase::kStarting:
    case WorkerPhase::kExited:
    case WorkerPhase::kRecording:
    case WorkerPhase::kRemoving:
      return false;
  }
  return false;
}

void start_uncertain(Turn& turn, Worker& worker, const std::string& why) {
  enter(turn, worker, WorkerPhase::kUncertain);
  worker.counts_after = turn.memory.inventory.last;
  tell(turn, worker, words::kStartUncertain, bounded(why));
}

/// A status that is known is better than one that cannot be known, until the exit is classified.
void learn_status(Worker& worker, const std::optional<ExitStatus>& status) {
  if (!worker.status && !worker.exit_class) settle_status(worker, status);
}

void exit_seen(Turn& turn, Worker& worker, const WorkerExited& event) {
  switch (worker.phase) {
    case WorkerPhase::kStarting:
    case WorkerPhase::kUncertain:
    case WorkerPhase::kHeld:
    case WorkerPhase::kReleasing:
    case WorkerPhase::kRunning:
    case WorkerPhase::kStopping:
      ended(turn, worker, std::min(event.at, turn.now));
      break;
    case WorkerPhase::kExited:
      if (!worker.exited) worker.exited = std::min(event.at, turn.now);
      break;
    case WorkerPhase::kRecording:
    case WorkerPhase::kRemoving:
      return;
  }
  if (worker.phase == WorkerPhase::kExited && event.status) learn_status(worker, event.status);
}

struct Intake {
  Turn& turn;

  void operator()(const PoolDesired& event) const { desire(turn, event.settings); }
  void operator()(const PoolDropped& event) const {
    if (Pool* pool = find_pool(turn, event.pool)) drop(turn, *pool);
  }
  void operator()(const RetireAsked& event) const {
    if (Worker* worker = find(event)) request_stop(turn, *worker, "retired");
  }
  void operator()(const KillAsked& event) const {
    if (Worker* worker = find(event)) request_kill(turn, *worker, "killed");
  }
  void operator()(const ResetAsked& event) const {
    if (Pool* pool = find_pool(turn, event.pool)) reset(turn, *pool);
  }
  void operator()(const LimitsChanged& event) const { turn.model.limits = event.limits; }
  void operator()(const NodeDesired& event) const { node_desired(turn, event); }

  void operator()(const HostShutdownBegan& event) const { shutdown_began(turn, event); }
  void operator()(const HostShutdownCancelled&) const { shutdown_cancelled(turn); }

  void operator()(const RevisionPrepared& event) const {
    if (Pool* pool = find_pool(turn, event.pool)) prepared(turn, *pool, event.revision);
  }
  void operator()(const RevisionFailed& event) const {
    if (Pool* pool = find_pool(turn, event.pool)) prepare_failed(turn, *pool, event);
  }

  void operator()(const WorkerStarted& event) const {
    Worker* worker = find(event);
    if (worker == nullptr || !is_start_open(*worker)) return;
    if (worker->phase == WorkerPhase::kStarting && worker->start_asked) {
      count_start(turn, turn.now - *worker->start_asked);
    }
    ++pool_of(turn, *worker).counters.started;
    hold(turn, *worker);
  }
  void operator()(const StartFailed& event) const {
    Worker* worker = find(event);
    if (worker == nullptr || !is_start_open(*worker)) return;
    start_failed(turn, *worker, bounded(event.reason));
    forget(turn, *worker);
  }
  void operator()(const StartUncertain& event) const {
    Worker* worker = find(event);
    if (worker == nullptr || worker->phase != WorkerPhase::kStarting) return;
    start_uncertain(turn, *worker, event.reason);
  }
  void operator()(const GateReady& event) const {
    if (Worker* worker = find_or_keep(event)) gate_ready(turn, *worker);
  }
  void operator()(const GateLost& event) const {
    forget_early_ready(event.worker);
    if (Worker* worker = find_or_keep(event)) gate_lost(turn, *worker, event.reason);
  }
  void operator()(const WorkerRunning& event) const {
    if (Worker* worker = find_or_keep(event)) worker_running(turn, *worker, event.at);
  }
  void operator()(const ReleaseFailed& event) const {
    if (Worker* worker = find(event)) release_failed(turn, *worker, event.reason);
  }
  void operator()(const WorkerExited& event) const {
    if (Worker* worker = find_or_keep(event)) exit_seen(turn, *worker, event);
  }
  void operator()(const ExitStatusKnown& event) const {
    Worker* worker = find(event);
    if (worker == nullptr || worker->phase != WorkerPhase::kExited) return;
    learn_status(*worker, event.status);
  }
  void operator()(const ExitStatusUncertain& event) const {
    Worker* worker = find(event);
    if (worker != nullptr && worker->phase == WorkerPhase::kExited) worker->deadline = kNever;
  }
  void operator()(const ExitRecorded& event) const {
    Worker* worker = find(event);
    if (worker == nullptr || worker->phase != WorkerPhase::kRecording) return;
    enter(turn, *worker, WorkerPhase::kRemoving);
  }
  void operator()(const WorkerRemoved& event) const {
    Worker* worker = find(event);
    if (worker != nullptr && worker->phase == WorkerPhase::kRemoving) removed(turn, *worker);
  }
  void operator()(const RemoveFailed& event) const {
    Worker* worker = find(event);
    if (worker == nullptr || worker->phase != WorkerPhase::kRemoving) return;
    remove_failed(turn, *worker, event.reason);
  }

  void operator()(const InventoryTaken& event) const {
    inventory_taken(turn, event);
    if (!turn.model.adopted) return;
    for (const Event& early : std::exchange(turn.memory.early, {})) take_in(turn, early);
  }
  void operator()(const InventoryFailed& event) const { inventory_failed(turn, event.number); }
  void operator()(const RuntimeLost& event) const { runtime_lost(turn, event.reason); }
  void operator()(const RuntimeFound&) const { runtime_found(turn); }
  void operator()(const RuntimeHinted& event) const {
    const Worker* worker = find(event);
    if (worker != nullptr && is_held_alive(*worker)) turn.memory.inventory.hinted = true;
  }

 private:
  template <class WorkerEvent>
  Worker* find(const WorkerEvent& event) const {
    return find_worker(turn, event.worker);
  }
  /// A gate that was ready and is not any more must not be released on that word.
  void forget_early_ready(WorkerId worker) const {
    std::erase_if(turn.memory.early, [&](const Event& early) {
      const auto* ready = std::get_if<GateReady>(&early);
      return ready != nullptr && ready->worker == worker;
    });
  }
  /// Workers of an earlier run may tell of themselves before the first inventory does.
  template <class WorkerEvent>
  Worker* find_or_keep(const WorkerEvent& event) const {
    Worker* worker = find(event);
    std::vector<Event>& early = turn.memory.early;
    if (worker == nullptr && !turn.model.adopted && early.size() < kEarlyMax) {
      early.emplace_back(event);
    }
    return worker;
  }
};

void broke(Turn& turn, Worker& worker) {
  if (worker.fault.empty()) worker.fault = "its gate was not ready in time";
  ended(turn, worker, std::nullopt);
  settle_status(worker, std::nullopt);
}

void overdue(Turn& turn, Worker& worker) {
  switch (worker.phase) {
    case WorkerPhase::kStarting:
      return start_uncertain(turn, worker, "no answer in time");
    case WorkerPhase::kHeld:
      return broke(turn, worker);
    case WorkerPhase::kReleasing:
      return kill_broken(turn, worker,
                         worker.fault.empty() ? "it did not take its release" : worker.fault);
    case WorkerPhase::kUncertain:
    case WorkerPhase::kRunning:
    case WorkerPhase::kStopping:
    case WorkerPhase::kExited:
    case WorkerPhase::kRecording:
    case WorkerPhase::kRemoving:
      return;  // each asks again by itself, or waits for no answer
  }
}

}  // namespace

void take_in(Turn& turn, const Event& event) {
  std::visit(Intake{turn}, event);
}

void pass_deadlines(Turn& turn) {
  for (const WorkerPhase phase :
       {WorkerPhase::kStarting, WorkerPhase::kHeld, WorkerPhase::kReleasing}) {
    for (const WorkerId id : in_phase(turn, phase)) {
      Worker& worker = turn.model.workers.at(id);
      if (worker.deadline <= turn.now) overdue(turn, worker);
    }
  }
}

void await_answers(Turn& turn) {
  for (const WorkerPhase phase :
       {WorkerPhase::kStarting, WorkerPhase::kHeld, WorkerPhase::kReleasing}) {
    for (const WorkerId id : index_of(turn, phase)) {
      wake(turn, turn.model.workers.at(id).deadline);
    }
  }
}

}  // namespace mayfly::core
