// A bench for the core: feeds it events at times of its own, answers nothing by itself.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "agent/core/core.h"

namespace mayfly::core {

inline PoolSettings pool_of_one(const PoolName& name = "p") {
  PoolSettings settings;
  settings.name = name;
  settings.revision = Revision{1};
  settings.standby = 1;
  return settings;
}

class CoreBench {
 public:
  explicit CoreBench(Limits limits = roomy(), WorkerId first = WorkerId{100})
      : core_(limits, first, 7) {}

  static Limits roomy() {
    Limits limits;
    limits.starts_inflight_max = 100;
    limits.removes_inflight_max = 100;
    return limits;
  }

  template <class... Events>
  const Decision& feed(Events&&... events) {
    const std::vector<Event> batch{Event(std::forward<Events>(events))...};
    last_ = core_.step(now_, batch);
    return last_;
  }

  const Decision& pass(Duration time) {
    now_ += time;
    return feed();
  }

  /// Steps whenever the core asks for it, up to `time` from now. What was decided in all.
  Decision run(Duration time) {
    const Time end = now_ + time;
    Decision all;
    while (last_.wake_at <= end) {
      EXPECT_GT(last_.wake_at, now_) << "a wake-up must lie in the future";
      if (last_.wake_at <= now_) break;
      now_ = last_.wake_at;
      feed();
      all.actions.insert(all.actions.end(), last_.actions.begin(), last_.actions.end());
      all.transitions.insert(all.transitions.end(), last_.transitions.begin(),
                             last_.transitions.end());
    }
    now_ = end;
    return all;
  }

  /// All that the last step wants of this kind.
  template <class A>
  std::vector<A> wants() const {
    return of<A>(last_);
  }

  template <class A>
  static std::vector<A> of(const Decision& decision) {
    std::vector<A> found;
    for (const Action& action : decision.actions) {
      if (const A* one = std::get_if<A>(&action)) found.push_back(*one);
    }
    return found;
  }

  /// Did the last step tell this?
  bool told(const std::string& what) const {
    for (const Transition& each : last_.transitions) {
      if (each.what == what) return true;
    }
    return false;
  }

  InventoryNumber inventory_asked() {
    const auto asked = wants<TakeInventory>();
    EXPECT_EQ(asked.size(), 1U);
    return asked.empty() ? InventoryNumber{} : asked.front().number;
  }

  /// The first inventory, with what an earlier run has left.
  const Decision& adopt(std::vector<ObservedWorker> left = {}) {
    feed();
    return feed(InventoryTaken{inventory_asked(), std::move(left)});
  }

  /// A pool that wants its first containers: image prepared, nothing adopted.
  const Decision& begin(const PoolSettings& settings) {
    feed(PoolDesired{settings});
    if (!model().adopted) feed(InventoryTaken{inventory_asked(), {}});
    return feed(RevisionPrepared{settings.name, settings.revision});
  }

  /// Answers all starts of the last step; the decision of the last answer.
  const Decision& start_all() {
    for (const StartWorker& start : wants<StartWorker>()) {
      feed(WorkerStarted{start.worker}, GateReady{start.worker});
      for (const ReleaseWorker& release : wants<ReleaseWorker>()) {
        pending_.push_back(release);
      }
    }
    return last_;
  }

  /// A pool whose slots all run and whose spares are ready.
  void fill(const PoolSettings& settings) {
    begin(settings);
    for (int i = 0; i < 1000; ++i) {
      const auto starts = wants<StartWorker>();
      if (starts.empty()) break;
      std::vector<Event> events;
      for (const StartWorker& start : starts) {
        events.emplace_back(WorkerStarted{start.worker});
        events.emplace_back(GateReady{start.worker});
      }
      last_ = core_.step(now_, events);
      run_released();
    }
  }

  /// Everything that was released in the last step runs.
  void run_released() {
    const auto releases = wants<ReleaseWorker>();
    if (releases.empty()) return;
    std::vector<Event> events;
    for (const ReleaseWorker& release : releases) {
      events.emplace_back(WorkerRunning{release.worker, now_});
    }
    const Decision before = last_;
    last_ = core_.step(now_, events);
    last_.actions.insert(last_.actions.end(), before.actions.begin(), before.actions.end());
  }

  WorkerId worker_in(SlotIndex slot, const PoolName& name = "p") const {
    return pool(name).slots.at(slot).worker.value();
  }
  const Decision& exit(WorkerId worker, ExitStatus status = {}) {
    return feed(WorkerExited{worker, now_, status});
  }

  const Worker& worker(WorkerId id) const { return model().workers.at(id); }
  bool knows(WorkerId id) const { return model().workers.contains(id); }
  const Pool& pool(const PoolName& name = "p") const { return model().pools.at(name); }
  const Model& model() const { return core_.model(); }
  const Decision& last() const { return last_; }
  Core& core() { return core_; }
  Time now() const { return now_; }
  EmptySlot why(SlotIndex slot = 0, const PoolName& name = "p") const {
    return core_.why(now_, name, slot);
  }

 private:
  Core core_;
  Time now_ = Time{} + std::chrono::hours(1);
  Decision last_;
  std::vector<ReleaseWorker> pending_;
};

}  // namespace mayfly::core
