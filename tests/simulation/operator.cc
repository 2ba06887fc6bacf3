#include "tests/simulation/operator.h"

namespace mayfly::simulation {

void Operator::begin() {
  for (const PoolPlan& pool : scene_.plan.pools) {
    Wanted& wanted = scene_.truth.wanted[pool.settings.name];
    wanted.settings = pool.settings;
    wanted.settings.revision = Revision{1};
    wanted.habits = pool.habits;
  }
  if (scene_.plan.operator_every > 0s) act_later();
}

void Operator::act_later() {
  const Duration every = scene_.plan.operator_every;
  scene_.agenda.after(scene_.random.between(0s, 2 * every), [this] {
    if (scene_.truth.phase != Phase::kSafety) return;
    act();
    act_later();
  });
}

void Operator::act() {
  std::vector<PoolName> names;
  for (const auto& [pool, wanted] : scene_.truth.wanted) names.push_back(pool);
  for (const auto& [pool, wanted] : dropped_) names.push_back(pool);
  if (names.empty()) return;
  const auto kind = scene_.random.below(12);
  if (kind == 0) {
    change_limits();
  } else if (kind <= 2) {
    stop_some_worker();
  } else if (kind <= 4) {
    order_node();
  } else {
    act_on_pool(names[scene_.random.below(names.size())]);
  }
}

void Operator::apply(const PoolName& pool) {
  agent_.tell(PoolDesired{scene_.truth.wanted.at(pool).settings});
}

void Operator::act_on_pool(const PoolName& pool) {
  if (const auto dropped = dropped_.find(pool); dropped != dropped_.end()) {
    scene_.truth.wanted.insert(dropped_.extract(dropped));
    deploy(scene_.truth.wanted.at(pool));
    apply(pool);
    return;
  }
  Wanted& wanted = scene_.truth.wanted.at(pool);
  PoolSettings& settings = wanted.settings;
  switch (scene_.random.below(9)) {
    case 0:
    case 1:
      settings.replicas = static_cast<std::uint32_t>(scene_.random.below(8));
      settings.surplus = scene_.random.chance(0.3) ? Surplus::kAwaited : Surplus::kStopped;
      break;
    case 2:
    case 3:
      deploy(wanted);
      break;
    case 4:
      settings.paused = !settings.paused;
      break;
    case 5: {
      const PoolSettings fresh = draw_settings(scene_.random, pool);
      settings.standby = fresh.standby;
      settings.backoff = fresh.backoff;
      settings.stop_grace = fresh.stop_grace;
      settings.spare_age_max = fresh.spare_age_max;
      break;
    }
    case 6:
      drop(pool);
      return;
    case 7:
      agent_.tell(ResetAsked{pool});
      return;
    default:
      break;  // the same once more
  }
  apply(pool);
}

void Operator::deploy(Wanted& wanted) {
  Random& random = scene_.random;
  const auto number = static_cast<std::uint32_t>(wanted.settings.revision) + 1;
  wanted.settings.revision = Revision{number};
  Health& health = wanted.health[wanted.settings.revision];
  const Time until = scene_.now() + random.spread(100ms, 100s);
  switch (random.below(8)) {
    case 0:
      health.prepare_fails_until = until;
      break;
    case 1:
      health.starts_fail_until = until;
      break;
    case 2:
      health.exec_fails_until = until;
      break;
    case 3:
      health.workers_fail_until = until;
      break;
    default:
      break;  // a good one
  }
  scene_.note("someone deploys ", wanted.settings.name);
}

void Operator::drop(const PoolName& pool) {
  dropped_.insert(scene_.truth.wanted.extract(pool));
  agent_.tell(PoolDropped{pool});
}

void Operator::change_limits() {
  Random& random = scene_.random;
  scene_.limits.starts_inflight_max = static_cast<std::uint32_t>(1 + random.below(4));
  scene_.limits.removes_inflight_max = static_cast<std::uint32_t>(1 + random.below(4));
  agent_.tell(LimitsChanged{scene_.limits});
}

void Operator::order_node() {
  switch (scene_.random.below(5)) {
    case 0:
      cordon();
      break;
    case 1:
    case 2:
      drain();
      break;
    default:
      scene_.truth.node = {};
      break;
  }
  agent_.tell(NodeDesired{scene_.truth.node});
  if (scene_.random.chance(0.1)) agent_.tell(NodeDesired{scene_.truth.node});
}

/// A node that is drained is cordoned already.
void Operator::cordon() {
  NodeSettings& node = scene_.truth.node;
  if (node.scheduling != Scheduling::kOpen) return;
  node.scheduling = Scheduling::kCordoned;
  for (const auto& [pool, wanted] : scene_.truth.wanted) {
    node.kept[pool] = wanted.settings.replicas;
  }
}

void Operator::drain() {
  Random& random = scene_.random;
  NodeSettings& node = scene_.truth.node;
  node = {.scheduling = Scheduling::kDrained};
  if (random.chance(0.3)) return;  // without a deadline
  node.drain_until = scene_.now();
  if (random.chance(0.8)) node.drain_until += random.spread(100ms, 100s);
}

void Operator::stop_some_worker() {
  if (scene_.truth.containers.empty()) return;
  auto chosen = scene_.truth.containers.begin();
  std::advance(chosen, static_cast<long>(scene_.random.below(scene_.truth.containers.size())));
  if (scene_.random.chance(0.6)) {
    agent_.tell(RetireAsked{chosen->first});
  } else {
    agent_.tell(KillAsked{chosen->first});
  }
}

void Operator::rest() {
  if (scene_.truth.node != NodeSettings{} && scene_.random.chance(0.8)) {
    scene_.truth.node = {};
    agent_.tell(NodeDesired{});
  }
  for (auto& [pool, wanted] : scene_.truth.wanted) {
    wanted.health.clear();
    if (wanted.settings.paused && scene_.random.chance(0.8)) {
      wanted.settings.paused = false;
      apply(pool);
    }
    if (scene_.plan.reset_at_end) agent_.tell(ResetAsked{pool});
  }
}

}  // namespace mayfly::simulation
