#include "agent/core/gates.h"

#include <algorithm>

#include "agent/core/adoption.h"
#include "agent/core/slots.h"
#include "agent/core/spares.h"
#include "agent/core/stops.h"
#include "agent/core/words.h"

namespace mayfly::core {

namespace {

/// From "the gate could not hand over" to the process's own end; then it is killed.
constexpr Duration kFailedReleaseDeadline = 1s;
/// A gate that comes back after its release failed gets it again, so often.
constexpr std::uint32_t kReleasesAgainMax = 3;

void note_running(Worker& worker, Time at) {
  worker.running = at;
  if (worker.vacated) worker.respawn_gap = std::max(at - *worker.vacated, Duration::zero());
}

/// It was given up as broken while it ran.
void ran_after_all(Worker& worker) {
  if (worker.fault.empty()) return;
  worker.fault.clear();
  if (!worker.kill_asked) return;
  worker.stop_asked = true;
  worker.stop_reason = "it took its release too late";
}

void release_again(Turn& turn, Worker& worker) {
  if (worker.fault.empty() || worker.tries >= kReleasesAgainMax) return;
  if (!may_begin(turn, worker)) return request_stop(turn, worker, "not wanted any more");
  ++worker.tries;
  worker.fault.clear();
  worker.deadline = after(turn.now, turn.model.limits.release_deadline);
  turn.releases.push_back(ReleaseWorker{worker.id, worker.slot.value()});
}

}  // namespace

void gate_ready(Turn& turn, Worker& worker) {
  switch (worker.phase) {
    case WorkerPhase::kStarting:
    case WorkerPhase::kUncertain:
      worker.gate_ready = true;
      return;
    case WorkerPhase::kHeld:
      if (worker.gate_ready) return;
      worker.gate_ready = true;
      return became_ready(turn, worker);
    case WorkerPhase::kReleasing:
      return release_again(turn, worker);
    case WorkerPhase::kRunning:
    case WorkerPhase::kStopping:
      if (worker.adopted && !worker.released && !worker.running) was_never_released(turn, worker);
      return;
    case WorkerPhase::kExited:
    case WorkerPhase::kRecording:
    case WorkerPhase::kRemoving:
      return;
  }
}

void gate_lost(Turn& turn, Worker& worker, const std::string& why) {
  switch (worker.phase) {
    case WorkerPhase::kStarting:
    case WorkerPhase::kUncertain:
      worker.gate_ready = false;
      worker.fault = bounded(why);
      return;
    case WorkerPhase::kHeld:
      worker.fault = bounded(why);
      if (!worker.gate_ready) return;
      worker.gate_ready = false;
      worker.deadline = after(turn.now, turn.model.limits.ready_deadline);
      return tell(turn, worker, words::kGateLost, worker.fault);
    case WorkerPhase::kReleasing:
    case WorkerPhase::kRunning:
    case WorkerPhase::kStopping:
    case WorkerPhase::kExited:
    case WorkerPhase::kRecording:
    case WorkerPhase::kRemoving:
      return;
  }
}

void worker_running(Turn& turn, Worker& worker, Time at) {
  const Time seen = std::min(at, turn.now);
  switch (worker.phase) {
    case WorkerPhase::kReleasing:
      enter(turn, worker, WorkerPhase::kRunning);
      worker.fault.clear();
      note_running(worker, seen);
      return tell(turn, worker, words::kRunning);
    case WorkerPhase::kRunning:
    case WorkerPhase::kStopping:
    case WorkerPhase::kExited:
      // Late or, after an adoption, news; the record may still carry it.
      if (worker.slot && !worker.running) {
        note_running(worker, seen);
        ran_after_all(worker);
      }
      return;
    case WorkerPhase::kStarting:
    case WorkerPhase::kUncertain:
    case WorkerPhase::kHeld:
    case WorkerPhase::kRecording:
    case WorkerPhase::kRemoving:
      return;
  }
}

void release_failed(Turn& turn, Worker& worker, const std::string& why) {
  const bool ended = worker.phase == WorkerPhase::kExited && worker.slot && !worker.running;
  if (!ended && worker.phase != WorkerPhase::kReleasing) return;
  if (!worker.fault.empty()) return;
  worker.fault = why.empty() ? "the release failed" : bounded(why);
  if (!ended) worker.deadline = after(turn.now, kFailedReleaseDeadline);
  tell(turn, worker, words::kReleaseFailed, worker.fault);
}

}  // namespace mayfly::core
