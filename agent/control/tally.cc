#include "agent/control/tally.h"

namespace mayfly::control {
namespace {

void count(Tally& tally, const core::Worker& worker, const core::Pool& pool) {
  switch (worker.phase) {
    case core::WorkerPhase::kStarting:
    case core::WorkerPhase::kUncertain:
      ++tally.spares_starting;
      return;
    case core::WorkerPhase::kHeld:
      ++(worker.gate_ready ? tally.spares_ready : tally.spares_starting);
      return;
    case core::WorkerPhase::kReleasing:
    case core::WorkerPhase::kRunning:
      ++tally.running;
      if (worker.revision != pool.settings.revision) ++tally.outdated;
      return;
    case core::WorkerPhase::kStopping:
      if (worker.slot) ++tally.stopping;
      return;
    case core::WorkerPhase::kExited:
    case core::WorkerPhase::kRecording:
    case core::WorkerPhase::kRemoving:
      return;
  }
}

}  // namespace

Tally& Tally::operator+=(const Tally& other) {
  running += other.running;
  stopping += other.stopping;
  empty += other.empty;
  spares_ready += other.spares_ready;
  spares_starting += other.spares_starting;
  outdated += other.outdated;
  return *this;
}

bool is_spare(const core::Worker& worker) {
  return !worker.slot && (worker.phase == core::WorkerPhase::kStarting ||
                          worker.phase == core::WorkerPhase::kUncertain ||
                          worker.phase == core::WorkerPhase::kHeld);
}

Tallies tally_pools(const core::Model& model) {
  Tallies tallies;
  for (const auto& [name, pool] : model.pools) {
    Tally& tally = tallies[name];
    for (const auto& [index, slot] : pool.slots) tally.empty += slot.worker ? 0U : 1U;
  }
  for (const auto& [id, worker] : model.workers) {
    const auto pool = model.pools.find(worker.pool);
    if (pool != model.pools.end()) count(tallies[worker.pool], worker, pool->second);
  }
  return tallies;
}

}  // namespace mayfly::control
