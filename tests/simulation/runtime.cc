#include "tests/simulation/runtime.h"

#include "tests/simulation/describe.h"

namespace mayfly::simulation {

// ---- removal ---------------------------------------------------------------------------------

void Runtime::erase(WorkerId worker) {
  if (scene_.truth.containers.erase(worker) == 0) return;
  scene_.truth.fate(worker).gone = true;
  scene_.note("    nothing is left of ", worker);
  scene_.observer->gone(worker);
}

void Runtime::erase_when_ended(WorkerId worker, int tries) {
  const Container* container = scene_.truth.container(worker);
  if (container == nullptr || !scene_.truth.runtime_up) return;
  if (container->stage == Stage::kIncomplete || container->stage == Stage::kEnded) {
    erase(worker);
  } else if (tries > 0) {
    scene_.agenda.at(std::max(container->stuck_until, scene_.now()) + 3ms,
                     [this, worker, tries] { erase_when_ended(worker, tries - 1); });
  }
}

void Runtime::remove(Run run, WorkerId worker) {
  Random& random = scene_.random;
  const Duration typical = scene_.plan.remove_time;
  const Duration killed = random.between(100us, typical / 2);
  const Duration erased = killed + random.between(3ms, 3ms + typical);
  const bool fails = random.chance(scene_.faults.remove_fails);
  const auto effect = fails ? random.below(4) : 0;  // 0 all, 1 kills only, 2 leaves a part, 3 none
  scene_.agenda.after(killed, [this, worker, effect] {
    if (scene_.truth.runtime_up && effect != 3) processes_.kill(worker);
  });
  scene_.agenda.after(erased, [this, worker, effect] {
    Container* container = scene_.truth.container(worker);
    if (effect == 0) erase_when_ended(worker, 3);
    if (effect == 2 && container != nullptr && container->stage == Stage::kEnded) {
      container->stage = Stage::kIncomplete;
    }
  });
  if (random.chance(scene_.faults.remove_silent)) return;
  scene_.agenda.after(erased + random.between(100us, 5ms),
                      [this, run, worker, fails] { answer_remove(run, worker, !fails); });
}

void Runtime::answer_remove(Run run, WorkerId worker, bool sure) {
  const bool gone = scene_.truth.container(worker) == nullptr;
  if (gone && sure && scene_.truth.runtime_up) {
    scene_.report(run, WorkerRemoved{worker});
  } else {
    scene_.report(run, RemoveFailed{worker, gone ? "deadline exceeded" : "it would not go"});
  }
}

// ---- lists and queries -----------------------------------------------------------------------

void Runtime::list(Run run, InventoryNumber number) {
  Random& random = scene_.random;
  if (random.chance(scene_.faults.list_silent)) return;
  const bool fails = random.chance(scene_.faults.list_fails) || !scene_.truth.runtime_up;
  Duration taken = random.between(100us, 20ms);
  Duration answered = random.between(100us, 20ms);
  if (random.chance(scene_.faults.list_slow)) {
    taken = random.spread(100us, 10s);
    answered = random.spread(100us, 10s);
  }
  scene_.agenda.after(taken, [this, run, number, fails, answered] {
    if (fails || !scene_.truth.runtime_up) {
      scene_.report(run, InventoryFailed{number});
    } else {
      snapshot(run, number, answered);
    }
  });
}

void Runtime::snapshot(Run run, InventoryNumber number, Duration answer_after) {
  std::vector<Container> containers;
  for (const auto& [worker, container] : scene_.truth.containers) containers.push_back(container);
  scene_.agenda.after(answer_after, [this, run, number, taken = std::move(containers)]() mutable {
    answer_list(run, number, std::move(taken));
  });
}

/// As the agent translates it: markers are read, pidfds taken and gates listened for only now.
void Runtime::answer_list(Run run, InventoryNumber number, std::vector<Container> containers) {
  if (run != scene_.truth.run) return;
  InventoryTaken taken{number, {}};
  for (const Container& then : containers) {
    ObservedWorker observed{then.id,     then.pool,   then.revision, ContainerState::kIncomplete,
                            then.marker, std::nullopt};
    if (!then.spec_known) observed.revision = kNoRevision;
    if (then.stage == Stage::kHeld || then.stage == Stage::kRuns) {
      observed.state = ContainerState::kRunning;
    } else if (then.stage == Stage::kEnded) {
      observed.state = ContainerState::kStopped;
      observed.status = then.status_told;
    }
    if (const Container* today = scene_.truth.container(then.id)) {
      observed.released_to = today->marker;
      if (observed.state == ContainerState::kRunning) {
        processes_.watch(run, then.id);
        gates_.reopen(then.id);
      }
    }
    taken.workers.push_back(std::move(observed));
  }
  scene_.report(run, std::move(taken));
}

void Runtime::query(Run run, WorkerId worker) {
  Random& random = scene_.random;
  if (random.chance(scene_.faults.query_silent)) return;
  scene_.agenda.after(random.between(100us, 10ms),
                      [this, run, worker] { answer_query(run, worker); });
}

void Runtime::answer_query(Run run, WorkerId worker) {
  const Container* container = scene_.truth.container(worker);
  if (!scene_.truth.runtime_up || scene_.random.chance(scene_.faults.query_unsure)) {
    scene_.report(run, ExitStatusUncertain{worker});
  } else if (container == nullptr || container->stage == Stage::kIncomplete) {
    scene_.report(run, ExitStatusKnown{worker, std::nullopt});
  } else if (container->stage == Stage::kEnded) {
    scene_.report(run, ExitStatusKnown{worker, container->status_told});
  } else {
    scene_.report(run, ExitStatusUncertain{worker});  // it still runs
  }
}

// ---- outages ---------------------------------------------------------------------------------

void Runtime::plan_outages() {
  if (scene_.plan.outage_every == 0s) return;
  scene_.agenda.after(scene_.random.between(0s, 2 * scene_.plan.outage_every),
                      [this] { go_down(); });
}

void Runtime::go_down() {
  if (scene_.truth.phase != Phase::kSafety) return;
  scene_.truth.runtime_up = false;
  up_at_ = scene_.now() + scene_.random.spread(10ms, 45s);
  scene_.note("the runtime goes down until ", seconds(up_at_.time_since_epoch()));
  lose_containers();
  greet(scene_.truth.run);
  scene_.agenda.at(up_at_, [this] {
    if (scene_.truth.phase != Phase::kSafety) return;
    come_up();
    plan_outages();
  });
}

/// A runtime may take some of its containers with it, without a trace.
void Runtime::lose_containers() {
  if (!scene_.random.chance(0.2)) return;
  std::vector<WorkerId> lost;
  for (const auto& [worker, container] : scene_.truth.containers) {
    if (container.stage != Stage::kIncomplete && scene_.random.chance(0.3)) lost.push_back(worker);
  }
  for (const WorkerId worker : lost) {
    Fate& fate = scene_.truth.fate(worker);
    const bool known = fate.listed_in == scene_.truth.run || fate.start_by == scene_.truth.run;
    processes_.end(worker, {0, 9});
    scene_.truth.containers.erase(worker);
    fate.gone = true;
    fate.vanished = true;
    ++scene_.truth.vanished;
    fate.vanished_in = known ? scene_.truth.run : 0;
    scene_.note("    the runtime lost ", worker);
  }
}

void Runtime::greet(Run run) {
  if (scene_.truth.runtime_up || run == 0) return;
  scene_.agenda.after(scene_.random.between(0s, 2s), [this, run] {
    if (!scene_.truth.runtime_up) scene_.deliver(run, RuntimeLost{"connection refused"});
  });
}

void Runtime::come_up() {
  if (scene_.truth.runtime_up) return;
  scene_.truth.runtime_up = true;
  scene_.note("the runtime is back");
  const Run run = scene_.truth.run;
  if (run == 0) return;
  const bool calm = scene_.truth.phase != Phase::kSafety;
  scene_.agenda.after(scene_.random.between(0s, calm ? 10ms : 2s), [this, run] {
    if (scene_.truth.runtime_up) scene_.deliver(run, RuntimeFound{});
  });
}

void Runtime::agent_died(Run run) {
  for (auto& [number, creation] : creations_) {
    if (creation.by == run && scene_.random.chance(0.6)) creation.stopped = true;
  }
}

void Runtime::heal() {
  come_up();
  for (auto& [number, creation] : creations_) {
    const Duration delay = scene_.random.between(1ms, 500ms);
    scene_.agenda.after(delay, [this, op = number] {
      const auto found = creations_.find(op);
      if (found == creations_.end()) return;
      make_record(op);
      make_run(op);
      answer_create(op);
    });
  }
}

}  // namespace mayfly::simulation
