#include "agent/core/removals.h"

#include <algorithm>

#include "agent/core/slots.h"
#include "agent/core/words.h"

namespace mayfly::core {

namespace {

constexpr Duration kRemoveWaitFirst = 100ms;
constexpr Duration kRemoveWaitMax = 30s;

void try_again(Turn& turn, Worker& worker) {
  ++worker.tries;
  worker.deadline = kNever;
  worker.due = after(turn.now, doubled(kRemoveWaitFirst, worker.tries, kRemoveWaitMax));
}

}  // namespace

void remove_workers(Turn& turn) {
  const std::set<WorkerId>& index = index_of(turn, WorkerPhase::kRemoving);
  std::size_t out = 0;
  for (const WorkerId id : index) {
    Worker& worker = turn.model.workers.at(id);
    if (worker.deadline <= turn.now) try_again(turn, worker);
    if (worker.deadline != kNever) ++out;
  }
  const std::size_t out_max = std::max(turn.model.limits.removes_inflight_max, 1U);
  for (const WorkerId id : index) {
    Worker& worker = turn.model.workers.at(id);
    const bool is_out = worker.deadline != kNever;
    if (!is_out && worker.due <= turn.now && turn.model.runtime_up && out < out_max) {
      worker.deadline = after(turn.now, turn.model.limits.remove_deadline);
      act(turn, RemoveWorker{id});
      ++out;
    }
    const Time next = worker.deadline == kNever ? worker.due : worker.deadline;
    if (next > turn.now) wake(turn, next);
  }
}

void removed(Turn& turn, Worker& worker) {
  tell(turn, worker, words::kRemoved);
  free_slot(turn, worker);
  forget(turn, worker);
}

void remove_failed(Turn& turn, Worker& worker, const std::string& why) {
  if (worker.deadline == kNever) return;
  try_again(turn, worker);
  tell(turn, worker, words::kRemoveFailed, bounded(why));
}

void end_pools(Turn& turn) {
  for (auto pool = turn.model.pools.begin(); pool != turn.model.pools.end();) {
    const bool ends = turn.model.adopted && pool->second.dropped && pool->second.workers.empty();
    if (ends) tell(turn, pool->second, words::kPoolGone);
    pool = ends ? turn.model.pools.erase(pool) : std::next(pool);
  }
}

}  // namespace mayfly::core
