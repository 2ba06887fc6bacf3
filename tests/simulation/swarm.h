// Many worlds at once, and how a violation is told.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/simulation/world.h"

namespace mayfly::simulation {

struct SwarmOptions {
  std::uint64_t from = 1;
  std::uint64_t count = 1;
  unsigned jobs = 0;               ///< threads; 0 = one per processor
  std::uint64_t failures_max = 5;  ///< then it stops
};

struct Failure {
  std::uint64_t seed = 0;
  Violation violation;
};

struct SwarmOutcome {
  std::uint64_t worlds = 0;
  std::uint64_t steps = 0;
  std::uint64_t runs = 0;
  std::uint64_t workers = 0;
  std::uint64_t exits = 0;
  double virtual_hours = 0;
  std::vector<Failure> failures;  ///< by seed
};

[[nodiscard]] SwarmOutcome run_swarm(const SwarmOptions& options);

/// Seed, time, invariant and the last lines of the story, by running the seed once more.
[[nodiscard]] std::string tell(const Failure& failure, std::size_t lines);

}  // namespace mayfly::simulation
