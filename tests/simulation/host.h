// The host: it begins to go down, waits for a while, and stays up after all.
#pragma once

#include "tests/simulation/agent.h"

namespace mayfly::simulation {

class Host {
 public:
  Host(Scene& scene, Agent& agent) : scene_(scene), agent_(agent) {}

  void begin();
  /// It stays up for good.
  void rest();

 private:
  void go_down_later();
  void go_down();
  void stay_up();

  Scene& scene_;
  Agent& agent_;
};

}  // namespace mayfly::simulation
