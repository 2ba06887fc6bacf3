// When the faults are over: pools fill, and nothing is left over.
#include "tests/simulation/audit.h"
#include "tests/simulation/describe.h"

namespace mayfly::simulation {

namespace {

constexpr Duration kRespawn = 2s;
constexpr std::uint32_t kStandbyAutoMax = 8;

template <class... Parts>
std::string text(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return out.str();
}

}  // namespace

void Audit::demand_fullness(Duration allowance) {
  allowance_ = allowance;
  // It is due now, but for the respawn of what exits at this very moment.
  const Time due = scene_.now() - allowance + std::min(allowance, kRespawn);
  for (const auto& [pool, wanted] : scene_.truth.wanted) full_at_[pool] = due;
}

/// What the core says of each slot.
std::string Audit::reasons(const Core* core, const PoolName& pool) const {
  if (core == nullptr || !core->model().pools.contains(pool)) return {};
  std::ostringstream why;
  for (const auto& [index, slot] : core->model().pools.at(pool).slots) {
    const EmptySlot reason = core->why(scene_.now(), pool, index);
    why << "; slot " << index << ": " << name(reason.reason) << ' ' << reason.detail;
  }
  return why.str();
}

void Audit::check_fullness(const Core* core) {
  if (!allowance_) return;
  std::map<PoolName, std::uint32_t> live;
  for (const auto& [id, container] : scene_.truth.containers) {
    if (container.stage == Stage::kRuns) ++live[container.pool];
  }
  for (const auto& [pool, wanted] : scene_.truth.wanted) {
    const std::uint32_t replicas = scene_.truth.slots_of(pool);
    full_at_.try_emplace(pool, scene_.now());
    if (wanted.settings.paused || live[pool] >= replicas) {
      full_at_[pool] = scene_.now();
    } else if (full_at_[pool] + *allowance_ < scene_.now()) {
      scene_.violate("I2", pool, " has ", live[pool], " workers of ", replicas,
                     ", long after the faults", reasons(core, pool));
    }
  }
}

std::string Audit::unsettled(const Core* core) const {
  if (core == nullptr) return "there is no agent";
  const Model& model = core->model();
  for (const auto& [id, container] : scene_.truth.containers) {
    if (const std::string why = unsettled_worker(model, container); !why.empty()) return why;
  }
  for (const auto& [id, worker] : model.workers) {
    if (!scene_.truth.containers.contains(id)) {
      return text("the core still knows ", id, " as ", name(worker.phase));
    }
  }
  for (const auto& [pool, known] : model.pools) {
    if (!scene_.truth.wanted.contains(pool)) return text("the core still knows the pool ", pool);
  }
  for (const auto& [pool, wanted] : scene_.truth.wanted) {
    if (const std::string why = unsettled_pool(model, pool); !why.empty()) return why;
  }
  for (const auto& [id, fate] : scene_.truth.fates) {
    if (const std::string why = unsettled_fate(id, fate); !why.empty()) return why;
  }
  return {};
}

std::string Audit::unsettled_worker(const Model& model, const Container& there) const {
  const auto found = model.workers.find(there.id);
  if (found == model.workers.end()) return text(there.id, " exists and the core does not know it");
  const Worker& worker = found->second;
  const bool runs = there.stage == Stage::kRuns && worker.phase == WorkerPhase::kRunning &&
                    worker.slot == scene_.truth.fates.at(there.id).slot;
  const bool waits = there.stage == Stage::kHeld && worker.phase == WorkerPhase::kHeld &&
                     worker.gate_ready && !worker.slot;
  if (!runs && !waits) return text(there.id, " is left over, or ", name(worker.phase), " for ever");
  return {};
}

std::string Audit::unsettled_pool(const Model& model, const PoolName& name) const {
  const auto found = model.pools.find(name);
  if (found == model.pools.end()) return text("the core does not know the pool ", name);
  const Pool& pool = found->second;
  const PoolSettings& wanted = scene_.truth.wanted.at(name).settings;
  if (pool.settings != wanted) return text("the core has other settings of ", name);
  std::uint32_t live = 0;
  std::uint32_t spares = 0;
  for (const auto& [id, container] : scene_.truth.containers) {
    if (container.pool != name) continue;
    if (container.stage == Stage::kRuns) ++live;
    if (container.stage == Stage::kHeld) ++spares;
    const bool stale = container.stage == Stage::kHeld && container.revision != wanted.revision;
    if (stale && !wanted.paused) return text(id, " is a spare of the old ", container.revision);
  }
  const std::uint32_t slots = scene_.truth.slots_of(name);
  if (live > wanted.replicas && wanted.surplus == Surplus::kStopped) {
    return text(name, " has ", live, " workers");
  }
  if (live < slots && !wanted.paused) return text(name, " has only ", live, " workers");
  // With "auto", what became too much is used up by later exits rather than thrown away.
  const std::uint32_t target = wanted.standby.value_or(pool.standby_target);
  const std::uint32_t most = wanted.standby.value_or(kStandbyAutoMax);
  if (spares > most && !wanted.paused)
    return text(name, " has ", spares, " spares, more than ", most);
  const bool idle = slots == 0 && (scene_.truth.drained() || !wanted.paused);
  if (spares > 0 && idle) return text(name, " has spares and no slots");
  const bool wants = !wanted.paused && slots > 0;
  if (spares < target && wants) return text(name, " has ", spares, " spares, less than ", target);
  return {};
}

std::string Audit::unsettled_fate(WorkerId worker, const Fate& fate) const {
  if (!fate.handed_over || !fate.ended || fate.record) return {};
  // Gone while no agent was there to see it: nobody can know.
  if (fate.vanished && fate.vanished_in != scene_.truth.run) return {};
  return text("the exit of ", worker, " was never recorded");
}

}  // namespace mayfly::simulation
