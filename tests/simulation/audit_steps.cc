// The rules of whole steps: what the core's picture must not show, and the pace it must keep.
#include <algorithm>

#include "tests/simulation/audit.h"
#include "tests/simulation/describe.h"

namespace mayfly::simulation {

namespace {

constexpr std::size_t kIdleStepsPerSecondMax = 100;
constexpr std::size_t kTextMax = 4096;
constexpr std::size_t kOpenMax = 32;
constexpr std::uint32_t kReasonsEvery = 8;

}  // namespace

void Audit::stepped(const Core& core, const Decision& decision, std::size_t events) {
  ++steps_;
  check_step_order(decision);
  check_revisions(core);
  check_idle_spares(core);
  check_host(core);
  check_node(core, decision);
  check_pace(decision, events);
  check_sizes(core);
  check_slow_starts(core, decision);
  if (steps_ % kReasonsEvery == 0) check_reasons(core);
}

void Audit::check_step_order(const Decision& decision) {
  bool others = false;
  for (const Action& action : decision.actions) {
    const bool release = std::holds_alternative<ReleaseWorker>(action);
    if (release && others) scene_.violate("I2", "a release waits behind other actions");
    others = others || !release;
  }
}

void Audit::check_revisions(const Core& core) {
  std::map<PoolName, Revision> now_active;
  for (const auto& [name, pool] : core.model().pools) {
    const auto before = active_.find(name);
    if (before != active_.end() && pool.active < before->second) {
      scene_.violate("I9", name, " went back from ", before->second, " to ", pool.active);
    }
    now_active.emplace(name, pool.active);
  }
  active_ = std::move(now_active);
}

/// A slot that may be filled is filled in the very step in which a spare is there.
void Audit::check_idle_spares(const Core& core) {
  const Model& model = core.model();
  if (!model.adopted) return;
  for (const auto& [id, worker] : model.workers) {
    const auto found = model.pools.find(worker.pool);
    if (worker.phase != WorkerPhase::kHeld || !worker.gate_ready || worker.slot) continue;
    if (found == model.pools.end() || found->second.dropped || worker.stop_asked) continue;
    const Pool& pool = found->second;
    if (pool.settings.paused || worker.revision != pool.active || !worker.fault.empty()) continue;
    for (const auto& [index, slot] : pool.slots) {
      const bool open = !slot.worker && !slot.leaving && !slot.withheld;
      if (open && slot.not_before <= scene_.now()) {
        scene_.violate("I2", id, " is a spare beside the empty slot ", index, " of ", worker.pool);
      }
    }
  }
}

/// It is held until nothing is left, and never longer than it waits.
void Audit::check_host(const Core& core) {
  if (!shutdown_ || shutdown_->let_go) return;
  if (shutdown_->until <= scene_.now()) {
    scene_.violate("HOST", "the host is held for longer than it waits");
  }
  if (core.model().adopted && core.model().workers.empty()) {
    scene_.violate("HOST", "the host is held for nothing");
  }
}

void Audit::check_reasons(const Core& core) {
  for (const auto& [name, pool] : core.model().pools) {
    for (const auto& [index, slot] : pool.slots) {
      const EmptySlot why = core.why(scene_.now(), name, index);
      if (slot.worker.has_value() != (why.reason == EmptyReason::kNone)) {
        scene_.violate("WHY", "slot ", index, " of ", name, " is ", slot.worker ? "taken" : "empty",
                       ", its reason is ", simulation::name(why.reason));
      }
      const bool down = why.reason == EmptyReason::kHostShutdown;
      const bool drained = why.reason == EmptyReason::kNodeDrained;
      const bool is_drained = node_.scheduling == Scheduling::kDrained && !shutdown_ &&
                              why.reason != EmptyReason::kAdopting;
      const bool cordoned = why.reason == EmptyReason::kNodeCordoned;
      const bool wrong = down != shutdown_.has_value() || drained != is_drained ||
                         (cordoned && node_.scheduling != Scheduling::kCordoned);
      if (!slot.worker && wrong) {
        scene_.violate("WHY", "slot ", index, " of ", name, " is empty because of ",
                       simulation::name(why.reason));
      }
    }
  }
}

/// Starts that did not happen, as far as this run was not told that nothing is left of them.
std::size_t Audit::never_begun() const {
  const Truth& truth = scene_.truth;
  return static_cast<std::size_t>(
      std::count_if(truth.fates.begin(), truth.fates.end(), [&](const auto& each) {
        const auto& [worker, of] = each;
        const bool is_of_run = of.start_by == truth.run && of.ended_in != truth.run;
        return is_of_run && !of.gone && !truth.containers.contains(worker);
      }));
}

void Audit::check_sizes(const Core& core) {
  const Model& model = core.model();
  // What the model holds exists, existed and waits to be cleared, or is being started.
  std::size_t most = scene_.truth.containers_most + scene_.truth.vanished + kOpenMax;
  if (model.workers.size() > most) most += never_begun();
  if (model.workers.size() > most) {
    scene_.violate("I8", "the model holds ", model.workers.size(), " workers, ", most, " at most");
  }
  for (const auto& [id, worker] : model.workers) {
    if (worker.fault.size() > kTextMax || worker.stop_reason.size() > kTextMax) {
      scene_.violate("I8", "unbounded text in ", id);
    }
  }
}

/// Who starts while starts are slow keeps to half of the limit; those of before may still be out.
void Audit::check_slow_starts(const Core& core, const Decision& decision) {
  const bool starts =
      std::any_of(decision.actions.begin(), decision.actions.end(),
                  [](const Action& action) { return std::holds_alternative<StartWorker>(action); });
  if (!starts || !core.model().start_pace.slow) return;
  const std::uint32_t most = (limits_.starts_inflight_max + 1) / 2;
  const std::uint32_t inflight = starts_inflight();
  if (inflight > most) {
    scene_.violate("I8", inflight, " starts in flight while they are slow, ", most, " at most");
  }
}

void Audit::check_pace(const Decision& decision, std::size_t events) {
  if (decision.wake_at <= scene_.now()) {
    scene_.violate("I8", "the core wants to be woken in the past");
  }
  const Time second = std::chrono::floor<std::chrono::seconds>(scene_.now());
  if (second != pace_.second) pace_ = {second, 0, 0};
  pace_.actions += decision.actions.size();
  if (events == 0 && decision.actions.empty()) ++pace_.idle_steps;
  if (pace_.idle_steps > kIdleStepsPerSecondMax + pace_.actions) {
    scene_.violate("I8", "the core spins: ", pace_.idle_steps, " steps in a second for nothing");
  }
}

}  // namespace mayfly::simulation
