// One simulated world: a seed, its story, its end.
#pragma once

#include <memory>
#include <string>

#include "tests/simulation/host.h"
#include "tests/simulation/node.h"
#include "tests/simulation/operator.h"

namespace mayfly::simulation {

struct Outcome {
  std::optional<Violation> violation;
  std::uint32_t steps = 0;
  std::uint32_t runs = 0;
  std::uint32_t workers = 0;
  std::uint32_t exits = 0;  ///< of released workers
  Duration took{};          ///< virtual
};

class World {
 public:
  World(std::uint64_t seed, Trace::Detail detail) : node_(seed, detail) {}

  /// Safety, liveness, quiet; ends early with the first violation.
  Outcome run();

  [[nodiscard]] const Trace& trace() const { return scene_.trace; }

 private:
  void run_until(Time end, std::uint32_t steps_max = UINT32_MAX);
  void heal();
  void come_to_rest(Duration settle);
  void watch_fullness();
  [[nodiscard]] Outcome outcome() const;

  Node node_;
  Scene& scene_ = node_.scene;
  Audit& audit_ = node_.audit;
  Agent& agent_ = node_.agent;
  Operator operator_{scene_, agent_};
  Host host_{scene_, agent_};
};

/// How long after the faults the pools must be full: see README.md.
struct Bounds {
  Duration full;       ///< from the end of the faults
  Duration allowance;  ///< from then on, how long a slot may be empty
  Duration settle;     ///< from the last exit: nothing is left over
};
[[nodiscard]] Bounds draw_bounds(const Scene& scene);

}  // namespace mayfly::simulation
