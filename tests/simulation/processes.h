// The processes of the simulated host: how they live, take signals and end, and the pidfds by which
// the agent sees it.
#pragma once

#include "tests/simulation/scene.h"

namespace mayfly::simulation {

class Processes {
 public:
  explicit Processes(Scene& scene) : scene_(scene) {}

  /// The worker's own program begins; its life and manners are drawn.
  void run_program(WorkerId worker);
  /// Ends the container's process now, if there is one.
  void end(WorkerId worker, ExitStatus status);
  /// KILL, from the agent or from a removal: works now, or when it is no longer stuck.
  void kill(WorkerId worker);
  void signal(WorkerId worker, StopSignal signal);
  /// The run opens a pidfd. Of one that has ended already, it hears at once.
  void watch(Run run, WorkerId worker);
  /// Nothing is stuck any more.
  void heal();

 private:
  [[nodiscard]] ExitStatus draw_status(const Habits& habits);
  [[nodiscard]] std::optional<ExitStatus> draw_told(ExitStatus status);
  void exit_by_itself(WorkerId worker);
  void report_end(Run run, WorkerId worker);
  void terminate(Container& container);

  Scene& scene_;
};

}  // namespace mayfly::simulation
