#include "agent/core/inventory.h"

#include <algorithm>
#include <map>

#include "agent/core/adoption.h"
#include "agent/core/backoff.h"
#include "agent/core/exits.h"
#include "agent/core/spares.h"
#include "agent/core/words.h"

namespace mayfly::core {

namespace {

constexpr Duration kInventoryWaitMin = 1s;

using Observed = std::map<WorkerId, const ObservedWorker*>;

Duration failure_wait(const Turn& turn) {
  const std::uint32_t failures = std::max(turn.memory.inventory.failures, 1U);
  return doubled(kInventoryWaitMin, failures, turn.model.limits.inventory_every);
}

void failed(Turn& turn) {
  InventoryClock& clock = turn.memory.inventory;
  clock.out = false;
  ++clock.failures;
  clock.due = after(turn.now, failure_wait(turn));
}

Time next_inventory(const Turn& turn) {
  const InventoryClock& clock = turn.memory.inventory;
  const bool soon = clock.hinted || !index_of(turn, WorkerPhase::kUncertain).empty();
  if (!soon || clock.failures > 0) return clock.due;
  return std::min(clock.due, after(clock.asked, kInventoryWaitMin));
}

void settle_uncertain(Turn& turn, Worker& worker, const ObservedWorker* seen) {
  if (seen != nullptr && seen->state == ContainerState::kRunning) {
    worker.adopted = true;
    ++pool_of(turn, worker).counters.started;
    return hold(turn, worker);
  }
  if (!worker.stop_asked) start_failed(turn, worker, "the start had no answer and did not happen");
  // Also where nothing is seen: a creation that is still under way may land later.
  dismiss(turn, worker, "its start was uncertain");
}

void gone(Turn& turn, Worker& worker) {
  if (worker.phase != WorkerPhase::kExited) ended(turn, worker, std::nullopt);
  if (worker.phase == WorkerPhase::kExited && !worker.status_settled) {
    settle_status(worker, std::nullopt);
  }
}

void stopped(Turn& turn, Worker& worker, const ObservedWorker& seen) {
  if (worker.phase != WorkerPhase::kExited) ended(turn, worker, std::nullopt);
  if (worker.phase != WorkerPhase::kExited || worker.status_settled || !seen.status) return;
  settle_status(worker, seen.status);
}

/// What an inventory that counts for the worker says of it. `seen`: nullptr where it is absent.
void compare(Turn& turn, Worker& worker, const ObservedWorker* seen) {
  switch (worker.phase) {
    case WorkerPhase::kUncertain:
      return settle_uncertain(turn, worker, seen);
    case WorkerPhase::kHeld:
    case WorkerPhase::kReleasing:
    case WorkerPhase::kRunning:
    case WorkerPhase::kStopping:
    case WorkerPhase::kExited:
      if (seen == nullptr) return gone(turn, worker);
      if (seen->state != ContainerState::kRunning) stopped(turn, worker, *seen);
      return;
    case WorkerPhase::kStarting:
    case WorkerPhase::kRecording:
    case WorkerPhase::kRemoving:
      return;
  }
}

void compare_known(Turn& turn, InventoryNumber number, const Observed& observed) {
  std::vector<WorkerId> known;
  known.reserve(turn.model.workers.size());
  for (const auto& [id, worker] : turn.model.workers) known.push_back(id);
  for (const WorkerId id : known) {
    Worker& worker = turn.model.workers.at(id);
    if (number <= worker.counts_after || worker.phase == WorkerPhase::kStarting) continue;
    const auto seen = observed.find(id);
    compare(turn, worker, seen == observed.end() ? nullptr : seen->second);
  }
}

void found_up(Turn& turn) {
  if (turn.model.runtime_up) return;
  turn.model.runtime_up = true;
  turn.model.runtime_fault.clear();
  tell_node(turn, words::kRuntimeFound, {});
}

}  // namespace

void ask_inventory(Turn& turn) {
  InventoryClock& clock = turn.memory.inventory;
  if (clock.out && clock.deadline <= turn.now) failed(turn);
  if (!clock.out && next_inventory(turn) <= turn.now) {
    clock.last = InventoryNumber{static_cast<std::uint64_t>(clock.last) + 1};
    clock.out = true;
    clock.hinted = false;
    clock.asked = turn.now;
    clock.deadline = after(turn.now, turn.model.limits.inventory_deadline);
    turn.memory.forgotten.clear();
    act(turn, TakeInventory{clock.last});
  }
  wake(turn, clock.out ? clock.deadline : next_inventory(turn));
}

void inventory_taken(Turn& turn, const InventoryTaken& event) {
  InventoryClock& clock = turn.memory.inventory;
  if (!clock.out || event.number != clock.last) return;
  clock.out = false;
  clock.failures = 0;
  clock.due = after(clock.asked, turn.model.limits.inventory_every);
  if (event.number > clock.lost_after) found_up(turn);
  Observed observed;
  for (const ObservedWorker& worker : event.workers) observed.emplace(worker.worker, &worker);
  compare_known(turn, event.number, observed);
  std::vector<const ObservedWorker*> strangers;
  for (const auto& [id, seen] : observed) {
    if (find_worker(turn, id) == nullptr && !turn.memory.forgotten.contains(id)) {
      strangers.push_back(seen);
    }
  }
  turn.memory.forgotten.clear();
  adopt(turn, strangers);
}

void inventory_failed(Turn& turn, InventoryNumber number) {
  const InventoryClock& clock = turn.memory.inventory;
  if (clock.out && number == clock.last) failed(turn);
}

void runtime_lost(Turn& turn, const std::string& why) {
  turn.model.runtime_fault = bounded(why);
  turn.memory.inventory.lost_after = turn.memory.inventory.last;
  if (!turn.model.runtime_up) return;
  turn.model.runtime_up = false;
  tell_node(turn, words::kRuntimeLost, turn.model.runtime_fault);
}

void runtime_found(Turn& turn) {
  InventoryClock& clock = turn.memory.inventory;
  clock.hinted = true;
  clock.failures = 0;
  // One that was asked of the runtime before its loss may never be answered.
  if (!turn.model.runtime_up) clock.out = false;
  found_up(turn);
}

}  // namespace mayfly::core
