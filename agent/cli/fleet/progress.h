// How far the nodes of a fleet are with a document. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "agent/cli/fleet/roster.h"
#include "config/fleet_pool.h"

namespace mayfly::cli::fleet {

enum class Stage : std::uint8_t {
  kNotHeard,  ///< the node has not said that it has the document
  kRefused,
  kPulling,  ///< it waits for the image
  kFilling,
  kRuns,
};

struct NodeStage {
  std::string node;
  Stage stage = Stage::kNotHeard;
  std::string why;  ///< of kRefused and kFilling
};

/// What is waited for: the key's document, or a newer one.
struct Goal {
  std::string pool;
  std::int64_t mod_revision = 0;
  config::FleetPool document;
};

struct Progress {
  std::vector<NodeStage> nodes;  ///< live ones that the pool is for
  std::int64_t running = 0;
  std::int64_t wanted = 0;

  [[nodiscard]] std::size_t count(Stage stage) const;
  /// Nothing more is to come.
  [[nodiscard]] bool is_settled() const;
};

[[nodiscard]] Progress progress_of(const Goal& goal, const Roster& roster);

/// "2 of 3 nodes run it, 1 pulling (c), 11 of 12 workers"
[[nodiscard]] std::string progress_line(const Progress& progress);

/// Live nodes that have the pool still.
struct Remains {
  std::vector<std::string> nodes;
  std::int64_t workers = 0;
};
[[nodiscard]] Remains remains_of(const std::string& pool, const Roster& roster);

/// "a, b and 3 more"
[[nodiscard]] std::string some_of(const std::vector<std::string>& names);

}  // namespace mayfly::cli::fleet
