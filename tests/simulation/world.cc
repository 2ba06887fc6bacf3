#include "tests/simulation/world.h"

#include <algorithm>
#include <memory>

namespace mayfly::simulation {

namespace {

constexpr Duration kFull = 5s;            // I2, where nothing but the core itself is waited for
constexpr Duration kStartCurveMax = 60s;  // of failed starts and images, where nobody resets
// Waits of the core that no setting names.
constexpr Duration kQueryDeadline = 10s;
constexpr Duration kPrepareDeadline = 60s;
constexpr Duration kKillWaitMax = 60s;
constexpr Duration kRemoveWaitMax = 30s;
constexpr Duration kWellTime = 60s;
constexpr Duration kRestTime = 60s;
constexpr std::uint32_t kRestActions = 600;

/// Time to create all that is wanted, one after another as the limits allow.
Duration fill_time(const Scene& scene) {
  std::uint32_t wanted = 0;
  for (const auto& [pool, of] : scene.truth.wanted) {
    wanted += of.settings.replicas + of.settings.standby.value_or(8);
  }
  // Half of the limit, for those that were slow before the faults ended.
  const std::uint32_t at_a_time = (scene.limits.starts_inflight_max + 1) / 2;
  Duration fill = wanted * (scene.plan.create_time * 2 + 10ms) / at_a_time;
  if (scene.limits.starts_rate > 0) {
    fill += Duration(1s) * wanted / static_cast<std::uint32_t>(scene.limits.starts_rate);
  }
  return fill;
}

/// The longest deadline of the core that may run because an answer was lost.
Duration answer_time(const Scene& scene) {
  const Limits& limits = scene.limits;
  const Faults& faults = scene.plan.faults;
  Duration wait{};
  const auto may_lack = [&](double silent, Duration deadline) {
    const bool lost = silent > 0 || faults.event_lost > 0 || scene.plan.outage_every > 0s;
    if (lost) wait = std::max(wait, deadline);
  };
  may_lack(faults.start_silent, limits.start_deadline);
  may_lack(faults.remove_silent, limits.remove_deadline);
  may_lack(faults.store_silent, limits.record_deadline);
  may_lack(faults.list_silent, limits.inventory_deadline);
  may_lack(faults.query_silent, kQueryDeadline);
  if (faults.prepare_silent > 0 || faults.prepare_slow > 0 || faults.event_lost > 0) {
    wait = std::max(wait, kPrepareDeadline);
  }
  return wait;
}

/// What the core may have to wait for after the faults: deadlines, the lists that tell how it
/// stands, gates that are given up, and its own retries.
Duration healing_time(const Scene& scene) {
  const Limits& limits = scene.limits;
  const Faults& faults = scene.plan.faults;
  Duration wait = 2 * answer_time(scene) + 2 * limits.inventory_every + limits.ready_deadline +
                  limits.release_deadline;
  if (faults.signal_lost > 0) wait += kKillWaitMax;
  if (faults.remove_fails > 0 || faults.remove_silent > 0) wait += kRemoveWaitMax;
  return wait;
}

bool faultless(const Plan& plan) {
  const Faults none;
  const Faults& faults = plan.faults;
  // Those after which no answer is owed and nothing hangs.
  return plan.outage_every == 0s && faults.event_lost == none.event_lost &&
         faults.event_late == 0 && faults.start_unsure == 0 && faults.start_silent == 0 &&
         faults.remove_fails == 0 && faults.remove_silent == 0 && faults.list_fails == 0 &&
         faults.list_slow == 0 && faults.list_silent == 0 && faults.query_unsure == 0 &&
         faults.query_silent == 0 && faults.prepare_silent == 0 && faults.prepare_slow == 0 &&
         faults.gate_lost == 0 && faults.gate_mute == 0 && faults.release_lost == 0 &&
         faults.release_slow == 0 && faults.exit_missed == 0 && faults.kill_stuck == 0 &&
         faults.signal_lost == 0 && faults.store_slow == 0 && faults.store_silent == 0 &&
         faults.crash == 0 && faults.stall == 0;
}

Duration grace_time(const Scene& scene) {
  Duration grace{};
  for (const auto& [pool, of] : scene.truth.wanted) grace = std::max(grace, of.settings.stop_grace);
  return std::max(grace, Duration(30s));  // of pools that were dropped or had a longer one
}

}  // namespace

Bounds draw_bounds(const Scene& scene) {
  Bounds bounds{};
  bounds.full = kFull + fill_time(scene);
  const bool hurt = !faultless(scene.plan);
  if (hurt) bounds.full += healing_time(scene);
  if (!scene.plan.reset_at_end) bounds.full += kStartCurveMax;
  const bool stops = scene.plan.operator_every > 0s || scene.plan.shutdown_every > 0s;
  if (hurt || stops) bounds.full += grace_time(scene);
  bounds.allowance = kFull + fill_time(scene);
  bounds.settle = bounds.full + 2 * healing_time(scene) + 2 * grace_time(scene) + kStartCurveMax;
  return bounds;
}

Outcome World::run() {
  operator_.begin();
  host_.begin();
  node_.runtime.plan_outages();
  agent_.begin();
  run_until(scene_.plan.start + scene_.plan.safety, scene_.plan.steps_max);
  const Bounds bounds = draw_bounds(scene_);
  heal();
  run_until(scene_.now() + bounds.full);
  scene_.note("now all must be full");
  audit_.demand_fullness(bounds.allowance);
  audit_.check_fullness(agent_.core());
  watch_fullness();
  run_until(scene_.now() + kWellTime);
  if (!scene_.violation) come_to_rest(bounds.settle);
  return outcome();
}

void World::run_until(Time end, std::uint32_t steps_max) {
  const auto over = std::make_shared<bool>(false);
  scene_.agenda.at(end, [over] { *over = true; });
  while (!*over && !scene_.violation && agent_.steps() < steps_max && scene_.agenda.advance()) {
  }
}

void World::heal() {
  scene_.note("the faults are over");
  node_.heal();
  operator_.rest();
  host_.rest();
}

void World::watch_fullness() {
  scene_.agenda.after(500ms, [this] {
    if (scene_.truth.phase != Phase::kLiveness) return;
    audit_.check_fullness(agent_.core());
    watch_fullness();
  });
}

/// Nothing is left over within the bound, and then nothing more happens than lists.
void World::come_to_rest(Duration settle) {
  scene_.truth.phase = Phase::kQuiet;
  scene_.note("no worker exits any more");
  const Time end = scene_.now() + settle;
  while (!scene_.violation && !audit_.unsettled(agent_.core()).empty() && scene_.now() < end) {
    run_until(scene_.now() + 250ms);
  }
  if (scene_.violation) return;
  if (const std::string why = audit_.unsettled(agent_.core()); !why.empty()) {
    scene_.violate("I6", why);
    return;
  }
  (void)audit_.take_action_count();
  run_until(scene_.now() + kRestTime);
  const std::uint32_t actions = audit_.take_action_count();
  if (actions > kRestActions) scene_.violate("I8", actions, " actions in a minute of rest");
}

Outcome World::outcome() const {
  Outcome outcome;
  outcome.violation = scene_.violation;
  outcome.steps = agent_.steps();
  outcome.runs = scene_.truth.runs;
  outcome.workers = static_cast<std::uint32_t>(scene_.truth.fates.size());
  for (const auto& [worker, fate] : scene_.truth.fates) {
    if (fate.handed_over && fate.ended) ++outcome.exits;
  }
  outcome.took = scene_.now() - scene_.plan.start;
  return outcome;
}

}  // namespace mayfly::simulation
