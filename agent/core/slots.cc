#include "agent/core/slots.h"

#include <algorithm>
#include <tuple>

#include "agent/core/check.h"
#include "agent/core/node.h"
#include "agent/core/spares.h"
#include "agent/core/stops.h"
#include "agent/core/words.h"

namespace mayfly::core {

namespace {

std::size_t count_staying(const Pool& pool) {
  return static_cast<std::size_t>(std::count_if(
      pool.slots.begin(), pool.slots.end(), [](const auto& each) { return !each.second.leaving; }));
}

/// Its surplus is not to be stopped.
bool awaits_surplus(const Pool& pool) {
  return !pool.dropped && pool.settings.surplus == Surplus::kAwaited;
}

SlotIndex lowest_free_index(const Pool& pool) {
  SlotIndex index = 0;
  for (const auto& [taken, slot] : pool.slots) {
    if (taken != index) break;
    ++index;
  }
  return index;
}

void grow(Turn& turn, Pool& pool, std::size_t missing) {
  // A leaving slot is taken back first: its worker is stopped all the same, and then replaced.
  for (auto& [index, slot] : pool.slots) {
    if (missing == 0) return;
    if (!slot.leaving) continue;
    slot.leaving = false;
    --missing;
  }
  for (; missing > 0; --missing) pool.slots[lowest_free_index(pool)].free_since = turn.now;
}

/// Takes away vacant slots, the highest first. How many are still too many?
std::size_t drop_vacant(Pool& pool, std::size_t surplus) {
  for (auto slot = pool.slots.end(); surplus > 0 && slot != pool.slots.begin();) {
    --slot;
    if (!is_vacant(slot->second)) continue;
    slot = pool.slots.erase(slot);
    --surplus;
  }
  return surplus;
}

void shrink(Turn& turn, Pool& pool, std::size_t surplus) {
  surplus = drop_vacant(pool, surplus);
  if (surplus == 0 || awaits_surplus(pool)) return;
  std::vector<Worker*> staying;
  for (auto& [index, slot] : pool.slots) {
    if (!slot.leaving) staying.push_back(&turn.model.workers.at(slot.worker.value()));
  }
  // Those that go all the same come first, then the youngest.
  const auto order = [](const Worker* worker) {
    const bool going =
        worker->phase != WorkerPhase::kReleasing && worker->phase != WorkerPhase::kRunning;
    return std::tuple(going, worker->released.value_or(Time::min()), worker->id);
  };
  std::sort(staying.begin(), staying.end(),
            [&](const Worker* one, const Worker* other) { return order(one) > order(other); });
  check(surplus <= staying.size(), "only as many slots leave as there are");
  staying.resize(surplus);
  for (Worker* worker : staying) {
    pool.slots.at(worker->slot.value()).leaving = true;
    request_stop(turn, *worker, pool.dropped ? "pool dropped" : "scaled down");
  }
}

void release(Turn& turn, Pool& pool, SlotIndex index, Worker& worker) {
  Slot& slot = pool.slots.at(index);
  check(!slot.worker && worker.revision == pool.active, "a free slot takes the active revision");
  slot.worker = worker.id;
  worker.slot = index;
  worker.released = turn.now;
  worker.vacated = slot.vacated;
  ++pool.counters.released;
  send_release(turn, worker);
}

struct VacantSlots {
  std::vector<SlotIndex> open;  ///< may be filled now, the longest free first
  Time next = kNever;           ///< when the next one may
};

VacantSlots vacant_slots(const Pool& pool, Time now) {
  VacantSlots vacant;
  for (const auto& [index, slot] : pool.slots) {
    if (!is_open(slot)) continue;
    if (slot.not_before > now) {
      vacant.next = std::min(vacant.next, slot.not_before);
    } else {
      vacant.open.push_back(index);
    }
  }
  std::stable_sort(vacant.open.begin(), vacant.open.end(), [&](SlotIndex one, SlotIndex other) {
    return pool.slots.at(one).free_since < pool.slots.at(other).free_since;
  });
  return vacant;
}

void fill_pool(Turn& turn, Pool& pool) {
  if (pool.dropped || pool.settings.paused || is_closed(turn.model)) return;
  const VacantSlots vacant = vacant_slots(pool, turn.now);
  if (vacant.open.empty() && vacant.next == kNever) return;
  auto index = vacant.open.begin();
  for (const WorkerId id : in_phase(turn, WorkerPhase::kHeld)) {
    Worker& worker = turn.model.workers.at(id);
    if (worker.pool != pool.settings.name || !is_spare(pool, worker)) continue;
    if (index == vacant.open.end()) return wake(turn, vacant.next);  // this one is for that slot
    release(turn, pool, *index, worker);
    ++index;
  }
}

void count_hits(Turn& turn) {
  if (is_closed(turn.model)) return;
  for (const auto& [name, index] : turn.vacated) {
    Pool* pool = find_pool(turn, name);
    if (pool == nullptr || pool->dropped || pool->settings.paused) continue;
    const auto slot = pool->slots.find(index);
    if (slot == pool->slots.end() || slot->second.not_before > turn.now) continue;
    ++(slot->second.worker ? pool->counters.spare_hits : pool->counters.spare_misses);
  }
}

/// What events released (again) and later ones of the same turn forbid; it runs into its deadline.
void withdraw_releases(Turn& turn) {
  std::erase_if(turn.releases, [&](const ReleaseWorker& each) {
    const Worker* worker = find_worker(turn, each.worker);
    const bool is_out = worker != nullptr && worker->phase == WorkerPhase::kReleasing;
    return !is_out || !may_begin(turn, *worker);
  });
}

/// Where a worker that is found running may stay. none: the pool is full.
std::optional<SlotIndex> free_place(Pool& pool, SlotIndex preferred) {
  const std::size_t wanted = pool.dropped ? 0 : pool.settings.replicas;
  const bool room = count_staying(pool) < wanted || awaits_surplus(pool);
  const auto exact = pool.slots.find(preferred);
  if (exact == pool.slots.end()) {
    if (room || drop_vacant(pool, 1) == 0) return preferred;
    return std::nullopt;
  }
  if (is_vacant(exact->second)) return preferred;
  const auto vacant = std::find_if(pool.slots.begin(), pool.slots.end(),
                                   [](const auto& each) { return is_vacant(each.second); });
  if (vacant != pool.slots.end()) return vacant->first;
  if (room) return lowest_free_index(pool);
  return std::nullopt;
}

}  // namespace

Slot* find_slot(Pool& pool, const Worker& worker) {
  if (!worker.slot) return nullptr;
  const auto found = pool.slots.find(*worker.slot);
  return found == pool.slots.end() ? nullptr : &found->second;
}

bool is_vacant(const Slot& slot) {
  return !slot.worker && !slot.leaving;
}

bool is_open(const Slot& slot) {
  return is_vacant(slot) && !slot.withheld;
}

bool has_surplus(const Pool& pool) {
  return count_staying(pool) > pool.settings.replicas;
}

void free_slot(Turn& turn, const Worker& worker) {
  Pool& pool = pool_of(turn, worker);
  Slot* slot = find_slot(pool, worker);
  if (slot == nullptr || slot->worker != worker.id) return;
  slot->worker.reset();
  slot->free_since = turn.now;
  if (slot->leaving) pool.slots.erase(*worker.slot);
}

void vacate(Turn& turn, const Worker& worker) {
  Pool& pool = pool_of(turn, worker);
  Slot* slot = find_slot(pool, worker);
  if (slot == nullptr || slot->worker != worker.id) return;
  slot->vacated = worker.exited;
  free_slot(turn, worker);
  count_exit(pool, turn.now);
  turn.vacated.emplace_back(worker.pool, *worker.slot);
}

void fit_slots(Turn& turn) {
  for (auto& [name, pool] : turn.model.pools) {
    const std::size_t wanted = pool.dropped ? 0 : pool.settings.replicas;
    const std::size_t staying = count_staying(pool);
    if (staying < wanted) grow(turn, pool, wanted - staying);
    if (staying > wanted) shrink(turn, pool, staying - wanted);
  }
}

void fill_slots(Turn& turn) {
  if (!turn.model.adopted) return;
  withdraw_releases(turn);
  for (auto& [name, pool] : turn.model.pools) fill_pool(turn, pool);
  count_hits(turn);
}

bool may_begin(const Turn& turn, const Worker& worker) {
  const Pool& pool = turn.model.pools.at(worker.pool);
  const bool is_filled = !pool.dropped && !pool.settings.paused && !is_closed(turn.model);
  const bool fits = is_within_cordon(turn.model, pool) && !has_surplus(pool);
  return is_filled && fits && worker.revision == pool.active;
}

void send_release(Turn& turn, Worker& worker) {
  enter(turn, worker, WorkerPhase::kReleasing);
  worker.fault.clear();
  worker.deadline = after(turn.now, turn.model.limits.release_deadline);
  turn.releases.push_back(ReleaseWorker{worker.id, worker.slot.value()});
  tell(turn, worker, words::kReleased);
}

bool place_found(Pool& pool, Worker& worker, SlotIndex preferred) {
  const std::optional<SlotIndex> place = free_place(pool, preferred);
  const SlotIndex beside = pool.slots.contains(preferred) ? lowest_free_index(pool) : preferred;
  worker.slot = place.value_or(beside);
  Slot& slot = pool.slots[*worker.slot];
  slot.worker = worker.id;
  slot.leaving = !place;
  return place.has_value();
}

}  // namespace mayfly::core
