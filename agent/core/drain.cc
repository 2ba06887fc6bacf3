#include "agent/core/drain.h"

#include <algorithm>

#include "agent/core/node.h"
#include "agent/core/shutdown.h"
#include "agent/core/stops.h"

namespace mayfly::core {

namespace {

/// When the pool's workers get TERM.
Time term_at(const Model& model, const Pool& pool) {
  const bool drained = model.node.scheduling == Scheduling::kDrained;
  return std::min(host_term_at(model, pool), drained ? model.node.drain_until : kNever);
}

}  // namespace

void drain(Turn& turn) {
  if (!is_closed(turn.model)) return;
  for (const WorkerPhase phase : {WorkerPhase::kReleasing, WorkerPhase::kRunning}) {
    for (const WorkerId id : in_phase(turn, phase)) {
      Worker& worker = turn.model.workers.at(id);
      const Time due = term_at(turn.model, pool_of(turn, worker));
      if (due <= turn.now) {
        request_stop(turn, worker, why_closed(turn.model));
      } else {
        wake(turn, due);
      }
    }
  }
}

}  // namespace mayfly::core
