#include "tests/agent/core/harness.h"

namespace mayfly::core {

namespace {

/// What a perfect world answers at once.
struct Answer {
  Time now;
  std::vector<Event>& events;

  void operator()(const PrepareRevision& asked) const {
    events.emplace_back(RevisionPrepared{asked.pool, asked.revision});
  }
  void operator()(const StartWorker& asked) const {
    events.emplace_back(WorkerStarted{asked.worker});
    events.emplace_back(GateReady{asked.worker});
  }
  void operator()(const ReleaseWorker& asked) const {
    events.emplace_back(WorkerRunning{asked.worker, now});
  }
  void operator()(const SignalWorker& asked) const {
    const int signal = asked.signal == StopSignal::kTerm ? 15 : 9;
    events.emplace_back(WorkerExited{asked.worker, now, ExitStatus{0, signal}});
  }
  void operator()(const QueryExit& asked) const {
    events.emplace_back(ExitStatusKnown{asked.worker, std::nullopt});
  }
  void operator()(const RecordExit& asked) const {
    events.emplace_back(ExitRecorded{asked.record.worker});
  }
  void operator()(const RemoveWorker& asked) const {
    events.emplace_back(WorkerRemoved{asked.worker});
  }
  void operator()(const TakeInventory&) const {}
  void operator()(const LetHostGo&) const {}
};

void append(Decision& all, const Decision& more) {
  all.actions.insert(all.actions.end(), more.actions.begin(), more.actions.end());
  all.transitions.insert(all.transitions.end(), more.transitions.begin(), more.transitions.end());
}

}  // namespace

PoolSettings small_pool(const PoolName& name) {
  PoolSettings settings;
  settings.name = name;
  settings.revision = Revision{1};
  settings.standby = 1;
  return settings;
}

PoolSettings bare_pool(std::uint32_t replicas, const PoolName& name) {
  PoolSettings settings = small_pool(name);
  settings.replicas = replicas;
  settings.standby = 0;
  return settings;
}

Limits roomy() {
  Limits limits;
  limits.starts_inflight_max = 100;
  limits.removes_inflight_max = 100;
  return limits;
}

ObservedWorker seen_running(WorkerId id, std::optional<SlotIndex> released_to) {
  return {.worker = id,
          .pool = "p",
          .revision = Revision{1},
          .state = ContainerState::kRunning,
          .released_to = released_to,
          .status = std::nullopt};
}

const Decision& Harness::step(const std::vector<Event>& events) {
  last_ = core_.step(now_, events);
  EXPECT_GT(last_.wake_at, now_) << "a wake-up lies in the future";
  open_.insert(open_.end(), last_.actions.begin(), last_.actions.end());
  for (const TakeInventory& asked : wants<TakeInventory>()) last_inventory_ = asked.number;
  return last_;
}

const Decision& Harness::pass(Duration time) {
  now_ += time;
  return feed();
}

Decision Harness::run(Duration time) {
  const Time end = now_ + time;
  Decision all;
  while (last_.wake_at <= end) {
    now_ = last_.wake_at;
    append(all, feed());
  }
  now_ = end;
  return all;
}

const Decision& Harness::adopt(std::vector<ObservedWorker> left) {
  feed();
  return feed(InventoryTaken{last_inventory_, std::move(left)});
}

const Decision& Harness::begin(const PoolSettings& settings) {
  feed(PoolDesired{settings});
  if (!model().adopted) feed(InventoryTaken{last_inventory_, {}});
  return feed(RevisionPrepared{settings.name, settings.revision});
}

std::vector<Event> Harness::answers() {
  std::vector<Event> events;
  for (const Action& action : std::exchange(open_, {})) std::visit(Answer{now_, events}, action);
  return events;
}

Decision Harness::settle() {
  Decision all;
  for (int turns = 0; turns < 1000; ++turns) {
    const std::vector<Event> events = answers();
    if (events.empty()) return all;
    append(all, step(events));
  }
  ADD_FAILURE() << "the pool never settles";
  return all;
}

void Harness::await_worker(SlotIndex slot) {
  settle();
  for (int turns = 0; turns < 1000 && !pool().slots.at(slot).worker; ++turns) {
    now_ = last_.wake_at;
    feed();
    settle();
  }
  EXPECT_TRUE(pool().slots.at(slot).worker) << "the slot is never filled";
}

void Harness::fill(const PoolSettings& settings) {
  begin(settings);
  settle();
}

const Decision& Harness::exit(WorkerId worker, ExitStatus status) {
  return feed(WorkerExited{worker, now_, status});
}

std::vector<ObservedWorker> Harness::truth() const {
  std::vector<ObservedWorker> seen;
  for (const auto& [id, worker] : model().workers) {
    if (worker.phase == WorkerPhase::kStarting || worker.phase == WorkerPhase::kUncertain) continue;
    const bool ended = worker.phase > WorkerPhase::kStopping;
    seen.push_back({.worker = id,
                    .pool = worker.pool,
                    .revision = worker.revision,
                    .state = ended ? ContainerState::kStopped : ContainerState::kRunning,
                    .released_to = worker.slot,
                    .status = worker.status});
  }
  return seen;
}

void Harness::await_inventory() {
  for (int turns = 0; turns < 100 && wants<TakeInventory>().empty(); ++turns) {
    now_ = last_.wake_at;
    feed();
  }
  EXPECT_EQ(wants<TakeInventory>().size(), 1U);
}

bool Harness::told(const std::string& what) const {
  return std::any_of(last_.transitions.begin(), last_.transitions.end(),
                     [&](const Transition& each) { return each.what == what; });
}

WorkerId Harness::worker_in(SlotIndex slot, const PoolName& name) const {
  return pool(name).slots.at(slot).worker.value();
}

std::vector<WorkerId> Harness::spares(const PoolName& name) const {
  std::vector<WorkerId> found;
  for (const auto& [id, worker] : model().workers) {
    const bool held = worker.phase == WorkerPhase::kHeld && worker.gate_ready;
    if (held && worker.pool == name) found.push_back(id);
  }
  return found;
}

std::vector<WorkerId> Harness::in(WorkerPhase phase) const {
  std::vector<WorkerId> found;
  for (const auto& [id, worker] : model().workers) {
    if (worker.phase == phase) found.push_back(id);
  }
  return found;
}

void expect_consistent(const Model& model) {
  for (const auto& [id, worker] : model.workers) {
    ASSERT_EQ(worker.id, id);
    ASSERT_TRUE(model.pools.contains(worker.pool));
    ASSERT_TRUE(model.pools.at(worker.pool).workers.contains(id));
    const bool before_release = worker.phase <= WorkerPhase::kHeld;
    ASSERT_FALSE(before_release && worker.slot) << "nothing held has a slot";
  }
  for (const auto& [name, pool] : model.pools) {
    for (const WorkerId id : pool.workers) ASSERT_EQ(model.workers.at(id).pool, name);
    for (const auto& [index, slot] : pool.slots) {
      if (!slot.worker) continue;
      const Worker& worker = model.workers.at(*slot.worker);
      ASSERT_EQ(worker.slot, index);
      const bool dismissed = worker.phase == WorkerPhase::kRemoving && worker.adopted;
      const bool live = worker.phase == WorkerPhase::kReleasing ||
                        worker.phase == WorkerPhase::kRunning ||
                        worker.phase == WorkerPhase::kStopping;
      ASSERT_TRUE(live || dismissed);
    }
  }
}

}  // namespace mayfly::core
