// The simulated store of exit records: idempotent by worker, durable from some moment on, and
// living inside the agent's process: what is not durable when the agent dies is lost.
#pragma once

#include "tests/simulation/scene.h"

namespace mayfly::simulation {

class Store {
 public:
  explicit Store(Scene& scene) : scene_(scene) {}

  void record(Run run, const ExitRecord& record);

 private:
  void keep(const ExitRecord& record);

  Scene& scene_;
};

}  // namespace mayfly::simulation
