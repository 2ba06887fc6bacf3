#include "agent/core/shutdown.h"

#include <algorithm>

#include "agent/core/words.h"

namespace mayfly::core {

namespace {

/// From the last KILL to the moment at which the host waits no longer; of a short wait, a quarter.
constexpr Duration kReserve = 2s;

bool may_live(const Model& model, const Worker& worker) {
  switch (worker.phase) {
    case WorkerPhase::kStarting:
    case WorkerPhase::kUncertain:
    case WorkerPhase::kHeld:
      return model.runtime_up;  // a spare has nothing to lose, and cannot be removed without it
    case WorkerPhase::kReleasing:
    case WorkerPhase::kRunning:
    case WorkerPhase::kStopping:
    case WorkerPhase::kExited:     // it does not live, but its record
    case WorkerPhase::kRecording:  // is not durable yet
      return true;
    case WorkerPhase::kRemoving:
      return model.runtime_up && !worker.exit_class && !worker.exited;
  }
  return true;
}

bool may_any_live(const Model& model) {
  if (!model.adopted) return true;  // nobody has told yet
  return std::any_of(model.workers.begin(), model.workers.end(),
                     [&](const auto& each) { return may_live(model, each.second); });
}

}  // namespace

void shutdown_began(Turn& turn, const HostShutdownBegan& event) {
  std::optional<HostShutdown>& shutdown = turn.model.host_shutdown;
  const bool first = !shutdown;
  if (first) shutdown = HostShutdown{.began = turn.now};
  shutdown->until = std::max(event.until, turn.now);
  if (first) tell_node(turn, words::kHostShutdown, {});
}

void shutdown_cancelled(Turn& turn) {
  if (!turn.model.host_shutdown) return;
  turn.model.host_shutdown.reset();
  tell_node(turn, words::kHostShutdownCancelled, {});
}

Time kill_by(const Model& model) {
  if (!model.host_shutdown) return kNever;
  const Time until = model.host_shutdown->until;
  if (until == kNever) return kNever;
  return until - std::min(kReserve, (until - model.host_shutdown->began) / 4);
}

Time host_term_at(const Model& model, const Pool& pool) {
  if (!model.host_shutdown) return kNever;
  const Duration grace = std::max(pool.settings.stop_grace, Duration::zero());
  return std::min(after(model.host_shutdown->began, model.limits.shutdown_drain),
                  kill_by(model) - grace);
}

void let_host_go(Turn& turn) {
  std::optional<HostShutdown>& shutdown = turn.model.host_shutdown;
  if (!shutdown || shutdown->let_go) return;
  const bool waited = shutdown->until <= turn.now;
  if (!waited && may_any_live(turn.model)) return wake(turn, shutdown->until);
  shutdown->let_go = true;
  act(turn, LetHostGo{});
  tell_node(turn, words::kHostLetGo, may_any_live(turn.model) ? "not all workers have ended" : "");
}

}  // namespace mayfly::core
