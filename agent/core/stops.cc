#include "agent/core/stops.h"

#include <algorithm>

#include "agent/core/shutdown.h"
#include "agent/core/spares.h"
#include "agent/core/words.h"

namespace mayfly::core {

namespace {

constexpr Duration kKillWaitFirst = 10s;
constexpr Duration kKillWaitMax = 60s;

/// A host that goes down does not wait for all of it.
void cut_grace(const Turn& turn, Worker& worker) {
  if (worker.tries == 0) worker.due = std::min(worker.due, kill_by(turn.model));
}

void send_signal(Turn& turn, Worker& worker) {
  const bool grace = worker.tries == 0 && !worker.kill_asked;
  if (grace) {
    act(turn, SignalWorker{worker.id, StopSignal::kTerm});
    worker.kill_asked = true;
    worker.due = after(turn.now, pool_of(turn, worker).settings.stop_grace);
    cut_grace(turn, worker);
    return;
  }
  ++worker.tries;
  act(turn, SignalWorker{worker.id, StopSignal::kKill});
  worker.due = after(turn.now, doubled(kKillWaitFirst, worker.tries, kKillWaitMax));
}

}  // namespace

void request_stop(Turn& turn, Worker& worker, const std::string& why) {
  switch (worker.phase) {
    case WorkerPhase::kStarting:
    case WorkerPhase::kUncertain:
      worker.stop_asked = true;
      worker.stop_reason = why;
      return;
    case WorkerPhase::kHeld:
      return dismiss(turn, worker, why);
    case WorkerPhase::kReleasing:
    case WorkerPhase::kRunning:
      worker.stop_asked = true;
      worker.stop_reason = why;
      enter(turn, worker, WorkerPhase::kStopping);
      tell(turn, worker, words::kStopping, why);
      return;
    case WorkerPhase::kStopping:
    case WorkerPhase::kExited:
    case WorkerPhase::kRecording:
    case WorkerPhase::kRemoving:
      return;
  }
}

void request_kill(Turn& turn, Worker& worker, const std::string& why) {
  request_stop(turn, worker, why);
  if (worker.phase != WorkerPhase::kStopping || worker.tries > 0) return;
  worker.kill_asked = true;
  worker.due = turn.now;
}

void kill_broken(Turn& turn, Worker& worker, const std::string& fault) {
  worker.fault = fault;
  worker.kill_asked = true;
  enter(turn, worker, WorkerPhase::kStopping);
  tell(turn, worker, words::kReleaseFailed, fault);
}

void send_signals(Turn& turn) {
  for (const WorkerId id : in_phase(turn, WorkerPhase::kStopping)) {
    Worker& worker = turn.model.workers.at(id);
    cut_grace(turn, worker);
    while (worker.due <= turn.now) send_signal(turn, worker);  // twice where there is no grace
    wake(turn, worker.due);
  }
}

}  // namespace mayfly::core
