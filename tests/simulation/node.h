// One simulated node: its truth, its runtime with all that lives there, and the agent with the real
// core. What is wanted of it is the owner's to say.
#pragma once

#include "tests/simulation/agent.h"

namespace mayfly::simulation {

struct Node {
  Node(std::uint64_t seed, Trace::Detail detail, Scene::DrawPlan draw = draw_plan)
      : scene(seed, detail, draw) {
    scene.observer = &audit;
  }

  /// The faults are over.
  void heal() {
    scene.truth.phase = Phase::kLiveness;
    scene.faults = Faults{};
    agent.begin();
    processes.heal();
    gates.heal();
    runtime.heal();
  }

  Scene scene;
  Processes processes{scene};
  Gates gates{scene, processes};
  Runtime runtime{scene, processes, gates};
  Store store{scene};
  Audit audit{scene};
  Agent agent{scene, {processes, gates, runtime, store, audit}};
};

}  // namespace mayfly::simulation
