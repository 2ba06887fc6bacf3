// What is really so, as opposed to what the core believes: the containers that exist, and the fate
// of every worker that was ever asked for. The checkers judge by this alone.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/core/action.h"
#include "tests/simulation/plan.h"

namespace mayfly::simulation {

using namespace core;  // the words of the core are the words of this folder

/// Number of a run of the agent; 0 = none.
using Run = std::uint32_t;

enum class Phase : std::uint8_t {
  kSafety,    ///< faults, operators, bad images
  kLiveness,  ///< no faults, nobody asks for anything; workers come and go in good health
  kQuiet,     ///< and now none exits
};

enum class OnTerm : std::uint8_t { kObeys, kSlow, kIgnores };

enum class Stage : std::uint8_t {
  kIncomplete,  ///< a record or a part without a process
  kHeld,        ///< its process is the gate
  kRuns,        ///< the gate was released: its process is the worker's own program
  kEnded,
};

struct Container {
  WorkerId id{};
  PoolName pool;
  Revision revision = kNoRevision;
  Stage stage = Stage::kIncomplete;
  bool spec_known = true;           ///< false: its spec hash is of no revision that the agent knows
  std::optional<SlotIndex> marker;  ///< of its release, on disk: written before the hand-over
  Run gate_to = 0;                  ///< the run that its gate is connected to
  Run watched_by = 0;               ///< the run that holds its pidfd
  OnTerm on_term = OnTerm::kObeys;
  bool kill_pending = false;
  Time stuck_until{};                     ///< KILL has no effect before
  std::optional<ExitStatus> status_told;  ///< of an ended one: what the runtime says
};

/// All that ever happened to one worker. Kept when its container is gone.
struct Fate {
  PoolName pool;
  Revision revision = kNoRevision;
  // the truth
  bool handed_over = false;
  SlotIndex slot = 0;
  std::optional<Time> ended;
  ExitStatus status;       ///< if ended
  bool signalled = false;  ///< a signal of ours reached it while it lived
  bool gone = false;       ///< its container is no more
  bool vanished = false;   ///< the runtime lost it by itself
  Run vanished_in = 0;     ///< the run that knew of it then
  // what was asked, and by which run
  Run start_by = 0;
  Time start_at{};
  Run release_by = 0;
  Time release_at{};
  std::uint32_t replicas_since_release = 0;  ///< the most, until it was handed over
  Run stop_by = 0;                           ///< it sent a signal, or asked for the removal
  std::uint64_t stop_step = 0;               ///< of it, the first
  Run stop_meant_in = 0;                     ///< the core said that it stops it
  Run dismissed_in = 0;                      ///< it was given up before any release
  Run remove_by = 0;
  Run stop_wanted = 0;  ///< an operator's retire or kill reached this run
  // what the core was told, by its run
  Run heard_of_in = 0;  ///< anything that says that its start has come to an end
  Time heard_at{};
  Run listed_in = 0;
  Run perhaps_listed_in = 0;  ///< by a list that counts or does not
  Run ready_in = 0;
  std::uint64_t unready_step = 0;  ///< in that step, that its gate is lost
  Run running_in = 0;
  Run failed_in = 0;                 ///< ReleaseFailed, or GateLost after the release
  Run ended_in = 0;                  ///< that it has ended, or is not there
  std::uint64_t ended_step = 0;      ///< in that step
  Run recorded_in = 0;               ///< that its record is durable
  std::vector<ExitStatus> statuses;  ///< that run `status_in` was told
  Run status_in = 0;
  Run certain_in = 0;  ///< one of them came as an event of its own, not in a list
  // its record
  std::optional<ExitRecord> asked_record;  ///< of run `record_by`
  Run record_by = 0;
  std::optional<ExitRecord> record;  ///< durable
  std::uint32_t records = 0;         ///< times it became durable anew: 1 at most
};

/// What is wrong with a revision, for as long as it is.
struct Health {
  Time prepare_fails_until{};
  Time starts_fail_until{};
  Time exec_fails_until{};
  Time workers_fail_until{};
};

/// A pool as its users want it: durable, sent again to each run of the agent.
struct Wanted {
  PoolSettings settings;
  Habits habits;
  std::map<Revision, Health> health;
};

/// What a cordon leaves of so many replicas.
[[nodiscard]] inline std::uint32_t slots_kept(const NodeSettings& node, const PoolName& pool,
                                              std::uint32_t replicas) {
  if (node.scheduling != Scheduling::kCordoned) return replicas;
  const auto kept = node.kept.find(pool);
  return kept == node.kept.end() ? 0 : std::min(kept->second, replicas);
}

struct Truth {
  std::map<WorkerId, Container> containers;
  std::map<WorkerId, Fate> fates;
  std::map<PoolName, Wanted> wanted;
  NodeSettings node;  ///< durable too
  Phase phase = Phase::kSafety;
  Run run = 0;  ///< of the agent that lives now; 0 = none
  Run runs = 0;
  bool runtime_up = true;
  std::optional<Time> host_down_at;  ///< the host goes down, and waits until then
  std::size_t vanished = 0;          ///< containers that the runtime lost
  std::size_t containers_most = 0;   ///< at any one time

  [[nodiscard]] Container* container(WorkerId id) {
    const auto found = containers.find(id);
    return found == containers.end() ? nullptr : &found->second;
  }
  [[nodiscard]] Fate& fate(WorkerId id) { return fates[id]; }
  [[nodiscard]] bool drained() const { return node.scheduling == Scheduling::kDrained; }
  /// How many workers the pool should have here. REQUIRES: it is wanted.
  [[nodiscard]] std::uint32_t slots_of(const PoolName& pool) const {
    return drained() ? 0 : slots_kept(node, pool, wanted.at(pool).settings.replicas);
  }
};

}  // namespace mayfly::simulation
