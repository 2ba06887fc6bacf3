// The agent around the core: its inbox, its turns, its timer, and how it carries out decisions. It
// dies at any step, also between two actions of one decision, and comes back as a new run.
#pragma once

#include <optional>
#include <vector>

#include "agent/core/core.h"
#include "tests/simulation/audit.h"
#include "tests/simulation/runtime.h"
#include "tests/simulation/store.h"

namespace mayfly::simulation {

class Agent {
 public:
  struct World {
    Processes& processes;
    Gates& gates;
    Runtime& runtime;
    Store& store;
    Audit& audit;
  };
  Agent(Scene& scene, World world);

  /// Begins a run: the core is new and is told what was last applied.
  void begin();
  /// Somebody kills it; only begin() brings it back.
  void kill();
  /// An operator's word, in order. Lost if there is no agent; what is durable is told to the next.
  void tell(Event event);
  /// What the core has been through.
  [[nodiscard]] std::uint32_t steps() const { return steps_; }
  [[nodiscard]] std::uint32_t crashes() const { return scene_.truth.runs; }
  /// It takes no turn before.
  [[nodiscard]] Time stalled_until() const { return stalled_until_; }
  /// Null while there is no agent.
  [[nodiscard]] const Core* core() const { return core_ ? &*core_ : nullptr; }

 private:
  void deliver(Run run, Event event);
  void ask_for_step(Time when);
  void step();
  [[nodiscard]] Decision decide(const std::vector<Event>& events);
  void carry_out(const std::vector<Action>& actions, std::size_t count);
  void act(const Action& action);
  void arm(Time wake_at);
  void die();

  Scene& scene_;
  World world_;
  std::optional<Core> core_;
  std::vector<Event> inbox_;
  bool step_asked_ = false;
  std::uint64_t timer_ = 0;
  Time stalled_until_{};
  std::uint32_t steps_ = 0;
};

}  // namespace mayfly::simulation
