// One step in the making: what it may read and change, and what it has decided so far. The themes
// of the core (slots, supply, exits, …) are free functions over a Turn.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "agent/core/action.h"
#include "agent/core/core.h"
#include "agent/core/memory.h"
#include "agent/core/model.h"

namespace mayfly::core {

struct Turn {
  Time now;
  Model& model;
  Memory& memory;
  std::vector<ReleaseWorker> releases = {};  ///< of the first half; go before all other actions
  std::size_t released = 0;                  ///< how many there were at its end
  Decision decision = {};
  std::vector<std::pair<PoolName, SlotIndex>> vacated = {};  ///< slots that came free in this turn
};

/// `time` + `wait`, never past kNever.
[[nodiscard]] Time after(Time time, Duration wait);

/// initial * 2^(tries - 1), at most `max`. REQUIRES: tries >= 1.
[[nodiscard]] Duration doubled(Duration initial, std::uint32_t tries, Duration max);

/// A reason from the world, cut to what is kept.
[[nodiscard]] std::string bounded(const std::string& text);

[[nodiscard]] std::uint64_t raw(WorkerId id);

void act(Turn& turn, Action action);
void wake(Turn& turn, Time at);
void tell(Turn& turn, const Worker& worker, const char* what, std::string detail = {});
void tell(Turn& turn, const Pool& pool, const char* what, std::string detail = {});
void tell_node(Turn& turn, const char* what, std::string detail);

/// nullptr: not known (any more).
[[nodiscard]] Worker* find_worker(Turn& turn, WorkerId id);
[[nodiscard]] Pool* find_pool(Turn& turn, const PoolName& name);

/// A worker's pool outlives it.
[[nodiscard]] Pool& pool_of(Turn& turn, const Worker& worker);

/// What a worker is from its first moment.
struct NewWorker {
  WorkerId id{};
  PoolName pool;
  Revision revision = kNoRevision;
  WorkerPhase phase = WorkerPhase::kStarting;
};

/// REQUIRES: its pool exists, its id is not known.
Worker& add_worker(Turn& turn, const NewWorker& fresh);

/// The only way to change a phase. No operation is out in the new one, and one may be asked at
/// once.
void enter(Turn& turn, Worker& worker, WorkerPhase phase);

/// Nothing of it is left in the world. The reference is gone afterwards.
void forget(Turn& turn, Worker& worker);

[[nodiscard]] const std::set<WorkerId>& index_of(const Turn& turn, WorkerPhase phase);

/// A copy, so that phases may change meanwhile; in the order of the ids.
[[nodiscard]] std::vector<WorkerId> in_phase(const Turn& turn, WorkerPhase phase);

}  // namespace mayfly::core
