#include <algorithm>

#include "agent/core/check.h"
#include "agent/core/core.h"
#include "agent/core/revisions.h"
#include "agent/core/slots.h"
#include "agent/core/supply.h"

namespace mayfly::core {

namespace {

/// How many containers for slots of the pool are there or under way.
std::size_t count_underway(const Model& model, const Pool& pool) {
  return static_cast<std::size_t>(
      std::count_if(pool.workers.begin(), pool.workers.end(), [&](WorkerId id) {
        const Worker& worker = model.workers.at(id);
        const bool underway = worker.phase == WorkerPhase::kStarting ||
                              worker.phase == WorkerPhase::kUncertain ||
                              worker.phase == WorkerPhase::kHeld;
        return underway && !worker.stop_asked && worker.revision == pool.active;
      }));
}

/// How many slots get a container before this one does.
std::size_t count_before(const Pool& pool, SlotIndex index, Time now) {
  const auto order = [&](SlotIndex each) {
    return std::pair(pool.slots.at(each).free_since, each);
  };
  return static_cast<std::size_t>(
      std::count_if(pool.slots.begin(), pool.slots.end(), [&](const auto& each) {
        const bool competes = is_open(each.second) && each.second.not_before <= now;
        return competes && order(each.first) < order(index);
      }));
}

EmptySlot of_drained_node(const Model& model) {
  const std::size_t left = model.workers.size();
  return {EmptyReason::kNodeDrained,
          (left == 0 ? "no worker is left" : std::to_string(left) + " workers are left") +
              std::string("; `mayfly node undrain` opens it again"),
          kNever};
}

EmptySlot lacks_image(const Model& model, const Pool& pool, Time now) {
  if (!pool.preparing && !model.runtime_up) {
    return {EmptyReason::kRuntimeDown, model.runtime_fault, kNever};
  }
  if (pool.preparing || pool.prepare_at <= now) {
    const bool again = !pool.prepare_failure.empty();
    return {EmptyReason::kPulling, again ? "again, after: " + pool.prepare_failure : "", kNever};
  }
  return {EmptyReason::kNoImage, pool.prepare_failure, pool.prepare_at};
}

EmptySlot lacks_container(const Model& model, const Pool& pool, Time now, Time next) {
  if (pool.starts.not_before > now) {
    return {EmptyReason::kStartsFailing, pool.starts.failure, pool.starts.not_before};
  }
  if (model.start_pace.slow) {
    return {EmptyReason::kStartsLimited,
            "starts take twice as long as usual: half of the node's limit is reached", next};
  }
  return {EmptyReason::kStartsLimited, "the node's limit of starts is reached", next};
}

}  // namespace

EmptySlot Core::why(Time now, const PoolName& name, SlotIndex index) const {
  const auto found = model_.pools.find(name);
  check(found != model_.pools.end(), "why: the pool exists");
  const Pool& pool = found->second;
  const auto slot = pool.slots.find(index);
  check(slot != pool.slots.end(), "why: the slot exists");
  if (slot->second.worker) return {};
  if (model_.host_shutdown) {
    return {EmptyReason::kHostShutdown, "the host is shutting down", kNever};
  }
  if (!model_.adopted) {
    return {EmptyReason::kAdopting, "the runtime has not told yet what runs", kNever};
  }
  if (model_.node.scheduling == Scheduling::kDrained) return of_drained_node(model_);
  if (pool.settings.paused) return {EmptyReason::kPaused, "the pool is paused", kNever};
  if (slot->second.withheld) {
    return {EmptyReason::kNodeCordoned,
            "the slot was not there when it was; `mayfly node undrain` opens it", kNever};
  }
  if (!can_start_active(pool)) return lacks_image(model_, pool, now);
  if (slot->second.not_before > now) {
    return {EmptyReason::kBackoff, slot->second.last_failure, slot->second.not_before};
  }
  if (!model_.runtime_up) return {EmptyReason::kRuntimeDown, model_.runtime_fault, kNever};
  if (count_before(pool, index, now) >= count_underway(model_, pool)) {
    return lacks_container(model_, pool, now, next_start(model_, memory_, now));
  }
  return {EmptyReason::kStarting, "its container is being created", kNever};
}

}  // namespace mayfly::core
