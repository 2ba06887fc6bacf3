// The core: wanted against observed, decided purely. No I/O, no clock, no thread, no log: time, ids
// and random bits are arguments, so the same inputs give the same Decision, byte for byte.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "agent/core/action.h"
#include "agent/core/event.h"
#include "agent/core/memory.h"
#include "agent/core/model.h"

namespace mayfly::core {

/// One change worth telling people about (`mayfly events`, the log).
struct Transition {
  Time at{};
  PoolName pool;
  std::optional<WorkerId> worker;
  std::optional<SlotIndex> slot;
  Revision revision = kNoRevision;
  std::string what;    ///< a stable word: started, ready, released, running, exited, removed, …
  std::string detail;  ///< for people
};

struct Turn;

struct Decision {
  std::vector<Action> actions;  ///< in the order in which they should be done: releases first
  std::vector<Transition> transitions;
  Time wake_at = kNever;  ///< call step again by then even if nothing happens
};

class Core {
 public:
  /// `first_worker`: every id given out is at least this; it must be above all ids of earlier runs
  /// on this node. `seed`: of the jitter. Starts nothing before its first inventory is taken.
  Core(Limits limits, WorkerId first_worker, std::uint64_t seed);

  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;
  ~Core();

  /// One turn. REQUIRES: `now` does not go back. The events may be any and may be none.
  [[nodiscard]] Decision step(Time now, std::span<const Event> events);

  /// The same turn in two halves, for those who have no time to lose between an exit and the next
  /// worker: first its releases, then (nothing else in between) all the rest of its decision.
  [[nodiscard]] std::vector<ReleaseWorker> begin_step(Time now, std::span<const Event> events);
  [[nodiscard]] Decision finish_step();

  [[nodiscard]] const Model& model() const;

  /// REQUIRES: the pool and the slot exist.
  [[nodiscard]] EmptySlot why(Time now, const PoolName& pool, SlotIndex slot) const;

 private:
  Model model_;
  Memory memory_;
  std::unique_ptr<Turn> turn_;  ///< between the halves
};

}  // namespace mayfly::core
