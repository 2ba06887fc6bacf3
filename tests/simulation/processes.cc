#include "tests/simulation/processes.h"

#include "tests/simulation/describe.h"

namespace mayfly::simulation {

namespace {

bool alive(const Container* container) {
  return container != nullptr &&
         (container->stage == Stage::kHeld || container->stage == Stage::kRuns);
}

}  // namespace

void Processes::run_program(WorkerId worker) {
  Container& container = *scene_.truth.container(worker);
  container.stage = Stage::kRuns;
  Random& random = scene_.random;
  const auto wanted = scene_.truth.wanted.find(container.pool);
  const Habits habits = wanted == scene_.truth.wanted.end() ? Habits{} : wanted->second.habits;
  if (random.chance(habits.ignores_term)) {
    container.on_term = OnTerm::kIgnores;
  } else if (random.chance(habits.slow_on_term)) {
    container.on_term = OnTerm::kSlow;
  }
  if (scene_.truth.phase != Phase::kSafety) {
    scene_.agenda.after(random.between(20s, 90s), [this, worker] { exit_by_itself(worker); });
    return;
  }
  if (random.chance(habits.endless)) return;
  Duration life = random.between(habits.life_min, habits.life_max);
  if (random.chance(habits.at_once)) life = random.between(0us, 2ms);
  scene_.agenda.after(life, [this, worker] { exit_by_itself(worker); });
}

ExitStatus Processes::draw_status(const Habits& habits) {
  Random& random = scene_.random;
  if (random.chance(habits.killed)) return {0, random.pick({9, 11, 15})};
  if (random.chance(habits.fails)) return {random.pick({1, 2, 75, 78, 126, 127, 137}), 0};
  return {0, 0};
}

void Processes::exit_by_itself(WorkerId worker) {
  Container* container = scene_.truth.container(worker);
  if (container == nullptr || container->stage != Stage::kRuns) return;
  if (scene_.truth.phase == Phase::kQuiet) return;
  const auto wanted = scene_.truth.wanted.find(container->pool);
  if (wanted == scene_.truth.wanted.end() || scene_.truth.phase != Phase::kSafety) {
    end(worker, {0, 0});
    return;
  }
  const auto health = wanted->second.health.find(container->revision);
  const bool bad =
      health != wanted->second.health.end() && health->second.workers_fail_until > scene_.now();
  end(worker, bad ? ExitStatus{1, 0} : draw_status(wanted->second.habits));
}

std::optional<ExitStatus> Processes::draw_told(ExitStatus status) {
  const bool unseen = !scene_.truth.runtime_up && scene_.truth.phase == Phase::kSafety;
  if (scene_.random.chance(unseen ? 0.4 : scene_.faults.status_unknown)) return std::nullopt;
  if (scene_.random.chance(unseen ? 0.2 : scene_.faults.status_wrong)) return ExitStatus{137, 0};
  return status;
}

void Processes::end(WorkerId worker, ExitStatus status) {
  Container* container = scene_.truth.container(worker);
  if (!alive(container)) return;
  Fate& fate = scene_.truth.fate(worker);
  const bool gate_breaks = container->gate_to != 0 && container->gate_to == scene_.truth.run &&
                           container->stage == Stage::kHeld && scene_.random.chance(0.5);
  container->stage = Stage::kEnded;
  container->gate_to = 0;
  container->status_told = draw_told(status);
  fate.ended = scene_.now();
  fate.status = status;
  scene_.note("    ", worker, " ends: ", status, "; the runtime says ", container->status_told);
  if (gate_breaks) scene_.report(scene_.truth.run, GateLost{worker, "connection closed"});
  if (container->watched_by != 0) report_end(container->watched_by, worker);
  if (scene_.random.chance(0.2)) scene_.report(scene_.truth.run, RuntimeHinted{worker});
}

void Processes::report_end(Run run, WorkerId worker) {
  const Fate& fate = scene_.truth.fate(worker);
  if (scene_.random.chance(scene_.faults.exit_missed)) {
    scene_.note("    nobody sees the end of ", worker);
    return;
  }
  std::optional<ExitStatus> status;
  if (scene_.plan.pidfd_tells_status) status = fate.status;
  scene_.report(run, WorkerExited{worker, *fate.ended, status});
}

void Processes::watch(Run run, WorkerId worker) {
  Container* container = scene_.truth.container(worker);
  if (container == nullptr || container->watched_by == run) return;
  container->watched_by = run;
  if (container->stage == Stage::kEnded) report_end(run, worker);
}

void Processes::terminate(Container& container) {
  const WorkerId worker = container.id;
  if (container.stage == Stage::kHeld) {
    scene_.agenda.after(scene_.random.between(0us, 5ms), [this, worker] { end(worker, {0, 15}); });
    return;
  }
  Duration delay = scene_.random.between(0us, 300ms);
  switch (container.on_term) {
    case OnTerm::kIgnores:
      return;
    case OnTerm::kSlow:
      delay = scene_.random.spread(500ms, 20s);
      break;
    case OnTerm::kObeys:
      break;
  }
  const ExitStatus status =
      scene_.random.pick({ExitStatus{0, 0}, ExitStatus{0, 15}, ExitStatus{143, 0}});
  scene_.agenda.after(delay, [this, worker, status] { end(worker, status); });
}

void Processes::kill(WorkerId worker) {
  Container* container = scene_.truth.container(worker);
  if (!alive(container)) return;
  if (!container->kill_pending && scene_.random.chance(scene_.faults.kill_stuck)) {
    container->stuck_until = scene_.now() + scene_.random.spread(100ms, 20s);
    scene_.note("    ", worker, " is stuck until ",
                seconds(container->stuck_until.time_since_epoch()));
  }
  container->kill_pending = true;
  const Time when =
      std::max(container->stuck_until, scene_.now() + scene_.random.between(0us, 2ms));
  scene_.agenda.at(when, [this, worker] { end(worker, {0, 9}); });
}

void Processes::signal(WorkerId worker, StopSignal signal) {
  Container* container = scene_.truth.container(worker);
  if (!alive(container)) return;
  scene_.observer->signalled(worker);
  if (scene_.random.chance(scene_.faults.signal_lost)) {
    scene_.note("    the signal to ", worker, " is lost");
    return;
  }
  scene_.truth.fate(worker).signalled = true;
  if (signal == StopSignal::kKill) {
    kill(worker);
  } else {
    terminate(*container);
  }
}

void Processes::heal() {
  for (auto& [worker, container] : scene_.truth.containers) {
    container.stuck_until = Time{};
    if (container.kill_pending && alive(&container)) {
      scene_.agenda.after(1ms, [this, id = worker] { end(id, {0, 9}); });
    }
  }
}

}  // namespace mayfly::simulation
