// A bench for the core: feeds it events at times of its own and plays the world where asked to.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "agent/core/core.h"

namespace mayfly::core {

/// One slot, one spare, revision 1.
[[nodiscard]] PoolSettings small_pool(const PoolName& name = "p");

/// So many slots, no spare.
[[nodiscard]] PoolSettings bare_pool(std::uint32_t replicas, const PoolName& name = "p");

/// Limits that never get in the way.
[[nodiscard]] Limits roomy();

[[nodiscard]] ObservedWorker seen_running(WorkerId id, std::optional<SlotIndex> released_to);

class Harness {
 public:
  explicit Harness(Limits limits = roomy(), WorkerId first = WorkerId{100})
      : core_(limits, first, 7) {}

  /// One step now, on these events.
  template <class... Events>
  const Decision& feed(Events&&... events) {
    return step({Event(std::forward<Events>(events))...});
  }
  const Decision& step(const std::vector<Event>& events);

  /// One step later, on nothing but the time.
  const Decision& pass(Duration time);

  /// Steps whenever the core asks for it, up to `time` from now. All that was decided meanwhile.
  Decision run(Duration time);

  /// The first inventory, with what an earlier run has left.
  const Decision& adopt(std::vector<ObservedWorker> left = {});

  /// A pool whose image is there, on a node where nothing runs: its first starts are decided.
  const Decision& begin(const PoolSettings& settings);

  /// Answers everything that was wanted since the last time, and what follows from it, as a
  /// perfect world does. Inventories are not answered. All that was decided meanwhile.
  Decision settle();

  /// Lets time pass in a perfect world until a worker runs in the slot.
  void await_worker(SlotIndex slot = 0);

  /// begin, then settle: all slots run and all spares are ready.
  void fill(const PoolSettings& settings);

  /// The oldest one's first process ends.
  const Decision& exit(WorkerId worker, ExitStatus status = {});

  /// Answers the inventory that is out with what the model holds to be true, changed by `change`.
  template <class Change>
  const Decision& inventory(Change change) {
    std::vector<ObservedWorker> seen = truth();
    change(seen);
    return feed(InventoryTaken{last_inventory_, std::move(seen)});
  }
  [[nodiscard]] std::vector<ObservedWorker> truth() const;

  /// Lets time pass until the next inventory is asked for.
  void await_inventory();

  template <class A>
  [[nodiscard]] std::vector<A> wants() const {
    return of<A>(last_);
  }
  template <class A>
  [[nodiscard]] static std::vector<A> of(const Decision& decision) {
    std::vector<A> found;
    for (const Action& action : decision.actions) {
      if (const A* one = std::get_if<A>(&action)) found.push_back(*one);
    }
    return found;
  }

  /// Did the last step tell this?
  [[nodiscard]] bool told(const std::string& what) const;

  [[nodiscard]] WorkerId worker_in(SlotIndex slot, const PoolName& name = "p") const;
  [[nodiscard]] std::vector<WorkerId> spares(const PoolName& name = "p") const;
  [[nodiscard]] std::vector<WorkerId> in(WorkerPhase phase) const;
  [[nodiscard]] const Worker& worker(WorkerId id) const { return model().workers.at(id); }
  [[nodiscard]] bool knows(WorkerId id) const { return model().workers.contains(id); }
  [[nodiscard]] const Pool& pool(const PoolName& name = "p") const {
    return model().pools.at(name);
  }
  [[nodiscard]] const Slot& slot(SlotIndex index = 0) const { return pool().slots.at(index); }
  [[nodiscard]] const Model& model() const { return core_.model(); }
  [[nodiscard]] const Decision& last() const { return last_; }
  [[nodiscard]] Time now() const { return now_; }
  [[nodiscard]] InventoryNumber last_inventory() const { return last_inventory_; }
  [[nodiscard]] EmptySlot why(SlotIndex slot = 0, const PoolName& name = "p") const {
    return core_.why(now_, name, slot);
  }

 private:
  [[nodiscard]] std::vector<Event> answers();

  Core core_;
  Time now_ = Time{} + std::chrono::hours(1);
  Decision last_;
  std::vector<Action> open_;
  InventoryNumber last_inventory_{};
};

/// Every index and reference of the model agrees with the workers themselves.
void expect_consistent(const Model& model);

}  // namespace mayfly::core
