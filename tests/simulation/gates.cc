#include "tests/simulation/gates.h"

#include "tests/simulation/describe.h"

namespace mayfly::simulation {

void Gates::connect(WorkerId worker) {
  Container* container = scene_.truth.container(worker);
  if (container == nullptr || container->stage != Stage::kHeld) return;
  if (scene_.truth.run == 0 || container->gate_to == scene_.truth.run) return;
  if (scene_.random.chance(scene_.faults.gate_mute)) {
    scene_.note("    the gate of ", worker, " stays mute");
    return;
  }
  container->gate_to = scene_.truth.run;
  scene_.report(scene_.truth.run, GateReady{worker});
  if (scene_.random.chance(scene_.faults.gate_lost)) {
    scene_.agenda.after(scene_.random.spread(1ms, 10s), [this, worker] { lose(worker); });
  }
}

void Gates::lose(WorkerId worker) {
  Container* container = scene_.truth.container(worker);
  if (container == nullptr || container->stage != Stage::kHeld || container->gate_to == 0) return;
  scene_.report(container->gate_to, GateLost{worker, "connection reset"});
  container->gate_to = 0;
  scene_.note("    the gate of ", worker, " lost its connection");
  if (scene_.random.chance(0.3)) return;
  scene_.agenda.after(scene_.random.spread(1ms, 5s), [this, worker] { connect(worker); });
}

void Gates::reopen(WorkerId worker) {
  const Container* container = scene_.truth.container(worker);
  if (container == nullptr || container->gate_to == scene_.truth.run) return;
  scene_.agenda.after(scene_.random.between(0us, 500ms), [this, worker] { connect(worker); });
}

void Gates::write_marker(WorkerId worker, SlotIndex slot) {
  Container* container = scene_.truth.container(worker);
  if (container != nullptr) container->marker = slot;
}

void Gates::send_release(Run run, WorkerId worker) {
  Container* container = scene_.truth.container(worker);
  if (container == nullptr || container->gate_to != run) {
    scene_.report(run, ReleaseFailed{worker, "its gate is not connected"});
    return;
  }
  if (scene_.random.chance(scene_.faults.release_lost)) {
    scene_.note("    the release of ", worker, " is lost");
    if (scene_.random.chance(0.5)) lose(worker);
    return;
  }
  Duration delay = scene_.random.between(20us, 300us);
  if (scene_.random.chance(scene_.faults.release_slow)) delay = scene_.random.spread(1ms, 20s);
  scene_.agenda.after(delay, [this, run, worker] { hand_over(run, worker); });
}

bool Gates::exec_fails(const Container& container) {
  if (scene_.random.chance(scene_.faults.release_fails)) return true;
  const auto wanted = scene_.truth.wanted.find(container.pool);
  if (wanted == scene_.truth.wanted.end()) return false;
  const auto health = wanted->second.health.find(container.revision);
  return health != wanted->second.health.end() && health->second.exec_fails_until > scene_.now();
}

void Gates::hand_over(Run run, WorkerId worker) {
  Container* container = scene_.truth.container(worker);
  if (container == nullptr || container->stage != Stage::kHeld) return;
  // What a dead agent had sent may still be read by the gate.
  const bool read =
      container->gate_to == run || (container->gate_to == 0 && scene_.random.chance(0.5));
  if (!read) return;
  Fate& fate = scene_.truth.fate(worker);
  fate.handed_over = true;
  fate.slot = *container->marker;
  container->gate_to = 0;
  const bool fails = exec_fails(*container);
  scene_.note("    ", worker, " takes its release to slot ", fate.slot,
              fails ? "; its exec fails" : "");
  processes_.run_program(worker);
  scene_.observer->handed_over(worker);
  if (fails) {
    fail_exec(run, worker);
  } else {
    scene_.report(run, WorkerRunning{worker, scene_.now()});
  }
}

void Gates::fail_exec(Run run, WorkerId worker) {
  scene_.report(run, ReleaseFailed{worker, "exec: no such file"});
  scene_.agenda.after(scene_.random.between(50us, 5ms), [this, worker] {
    processes_.end(worker, {127, 0});
  });
}

/// They come anew, since nothing but a gate itself tells that what was released still waits.
void Gates::heal() {
  for (auto& [worker, container] : scene_.truth.containers) {
    container.gate_to = 0;
    reopen(worker);
  }
}

void Gates::agent_died() {
  for (auto& [worker, container] : scene_.truth.containers) container.gate_to = 0;
}

}  // namespace mayfly::simulation
