#include "tests/simulation/plan.h"

namespace mayfly::simulation {

namespace {

using core::Duration;

/// Half of the faults are absent from a world, so that each is also met without the others.
double rate(Random& random, double badness, double most) {
  if (badness <= 0 || random.chance(0.5)) return 0;
  const double share = static_cast<double>(random.below(1000)) / 1000.0;
  return most * badness * share * share;
}

void draw_start_faults(Random& random, double badness, Faults& faults) {
  faults.start_fails = rate(random, badness, 0.5);
  faults.start_unsure = rate(random, badness, 0.6);
  faults.start_silent = rate(random, badness, 0.3);
  faults.start_slow = rate(random, badness, 0.1);
  faults.remove_fails = rate(random, badness, 0.6);
  faults.remove_silent = rate(random, badness, 0.3);
  faults.list_fails = rate(random, badness, 0.5);
  faults.list_slow = rate(random, badness, 0.8);
  faults.list_silent = rate(random, badness, 0.2);
  faults.query_unsure = rate(random, badness, 0.6);
  faults.query_silent = rate(random, badness, 0.3);
  faults.prepare_fails = rate(random, badness, 0.5);
  faults.prepare_silent = rate(random, badness, 0.3);
  faults.prepare_slow = rate(random, badness, 0.8);
}

void draw_worker_faults(Random& random, double badness, Faults& faults) {
  faults.gate_lost = rate(random, badness, 0.3);
  faults.gate_mute = rate(random, badness, 0.1);
  faults.release_lost = rate(random, badness, 0.2);
  faults.release_slow = rate(random, badness, 0.3);
  faults.release_fails = rate(random, badness, 0.2);
  faults.spare_dies = rate(random, badness, 0.3);
  faults.exit_missed = rate(random, badness, 0.4);
  faults.status_unknown = rate(random, badness, 0.4);
  faults.status_wrong = rate(random, badness, 0.3);
  faults.kill_stuck = rate(random, badness, 0.4);
  faults.signal_lost = rate(random, badness, 0.3);
}

void draw_agent_faults(Random& random, double badness, Faults& faults) {
  faults.event_lost = rate(random, badness, 0.1);
  faults.event_late = rate(random, badness, 0.3);
  faults.event_doubled = rate(random, badness, 0.3);
  faults.store_slow = rate(random, badness, 0.5);
  faults.store_silent = rate(random, badness, 0.3);
  faults.crash = rate(random, badness, 0.1);
  faults.stall = rate(random, badness, 0.02);
}

/// A quarter of the worlds has no faults, a third has those of one family, the rest has them all.
Faults draw_faults(Random& random) {
  const double badness = random.pick({0.3, 1.0, 1.0});
  const auto kind = random.below(12);
  Faults faults;
  if (kind == 3 || kind >= 6) draw_start_faults(random, badness, faults);
  if (kind == 4 || kind >= 6) draw_worker_faults(random, badness, faults);
  if (kind == 5 || kind >= 6) draw_agent_faults(random, badness, faults);
  return faults;
}

core::Limits draw_limits(Random& random) {
  core::Limits limits;
  limits.starts_inflight_max = static_cast<std::uint32_t>(1 + random.below(4));
  limits.removes_inflight_max = static_cast<std::uint32_t>(1 + random.below(4));
  if (random.chance(0.3)) {
    limits.starts_rate = random.pick({5.0, 20.0, 50.0});
    limits.starts_burst = static_cast<std::uint32_t>(1 + random.below(10));
  }
  limits.start_deadline = random.spread(1s, 60s);
  limits.ready_deadline = random.spread(1s, 30s);
  limits.release_deadline = random.spread(200ms, 5s);
  limits.remove_deadline = random.spread(1s, 60s);
  limits.record_deadline = random.spread(200ms, 10s);
  limits.inventory_every = random.spread(1s, 10s);
  limits.inventory_deadline = random.spread(1s, 30s);
  limits.shutdown_drain = random.spread(100ms, 60s);
  return limits;
}

}  // namespace

bool is_obeyed_at_once(const Plan& plan) {
  const Faults& faults = plan.faults;
  return plan.outage_every == 0s && faults.event_lost == 0 && faults.event_late == 0 &&
         faults.release_lost == 0 && faults.release_slow == 0 && faults.kill_stuck == 0 &&
         faults.signal_lost == 0 && faults.crash == 0 && faults.stall == 0;
}

Habits draw_habits(Random& random) {
  Habits habits;
  habits.life_min = random.spread(5ms, 5s);
  habits.life_max = habits.life_min + random.spread(5ms, 60s);
  if (random.chance(0.3)) habits.endless = random.pick({0.1, 0.5, 1.0});
  if (random.chance(0.2)) habits.at_once = random.pick({0.1, 0.5, 1.0});
  if (random.chance(0.5)) habits.fails = random.pick({0.05, 0.3, 1.0});
  if (random.chance(0.3)) habits.killed = random.pick({0.05, 0.3});
  if (random.chance(0.3)) habits.ignores_term = random.pick({0.2, 1.0});
  if (random.chance(0.3)) habits.slow_on_term = random.pick({0.2, 1.0});
  return habits;
}

core::PoolSettings draw_settings(Random& random, core::PoolName name) {
  core::PoolSettings settings;
  settings.name = std::move(name);
  settings.replicas = static_cast<std::uint32_t>(random.below(random.chance(0.2) ? 13 : 5));
  if (random.chance(0.8)) settings.standby = static_cast<std::uint32_t>(random.below(4));
  settings.stop_grace = random.spread(50ms, 30s);
  settings.spare_age_max = random.chance(0.2) ? random.spread(2s, 60s) : Duration(1h);
  settings.backoff.initial = random.spread(10ms, 1s);
  settings.backoff.factor = random.pick({1.0, 1.5, 2.0, 3.0});
  settings.backoff.max = random.spread(1s, 30s);
  settings.backoff.reset_after = random.spread(1s, 20s);
  return settings;
}

Plan draw_plan(std::uint64_t seed, Random& random) {
  Plan plan;
  plan.seed = seed;
  plan.start = core::Time(random.pick({Duration(0s), Duration(77s), Duration(10000s)}));
  plan.safety = random.spread(5s, 200s);
  plan.steps_max = static_cast<std::uint32_t>(100 + random.below(random.chance(0.3) ? 3000 : 600));
  plan.limits = draw_limits(random);
  plan.faults = draw_faults(random);
  if (random.chance(0.3)) plan.outage_every = random.spread(2s, 60s);
  if (random.chance(0.8)) plan.operator_every = random.spread(200ms, 30s);
  if (random.chance(0.3)) plan.shutdown_every = random.spread(2s, 60s);
  plan.create_time = random.spread(5ms, 500ms);
  plan.remove_time = random.spread(5ms, 200ms);
  plan.pidfd_tells_status = random.chance(0.5);
  plan.reset_at_end = random.chance(0.6);
  const char* const names[] = {"alpha", "bravo", "charlie"};
  const auto pools = 1 + random.below(random.chance(0.4) ? 3 : 1);
  for (std::uint64_t i = 0; i < pools; ++i) {
    plan.pools.push_back({draw_settings(random, names[i]), draw_habits(random)});
  }
  return plan;
}

}  // namespace mayfly::simulation
