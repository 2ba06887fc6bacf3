// The gates inside the simulated containers, and the agent's side of them: connections, the marker
// on disk, the hand-over.
#pragma once

#include "tests/simulation/processes.h"

namespace mayfly::simulation {

class Gates {
 public:
  Gates(Scene& scene, Processes& processes) : scene_(scene), processes_(processes) {}

  /// The held gate finds the agent's socket.
  void connect(WorkerId worker);
  /// This run listens for the gate of a container that an earlier run made, or that came late.
  void reopen(WorkerId worker);
  /// The two halves of a release; the agent may die between them.
  void write_marker(WorkerId worker, SlotIndex slot);
  void send_release(Run run, WorkerId worker);
  void agent_died();
  /// Every gate finds the agent again.
  void heal();

 private:
  void lose(WorkerId worker);
  void hand_over(Run run, WorkerId worker);
  void fail_exec(Run run, WorkerId worker);
  [[nodiscard]] bool exec_fails(const Container& container);

  Scene& scene_;
  Processes& processes_;
};

}  // namespace mayfly::simulation
