// What the core wants done. Imperative. Each is safe to repeat; the answer to each is an event, and
// a missing answer is dealt with by the core's own deadlines.
#pragma once

#include <string>
#include <variant>

#include "agent/core/event.h"

namespace mayfly::core {

/// Make the revision's image usable → RevisionPrepared | RevisionFailed.
struct PrepareRevision {
  PoolName pool;
  Revision revision = kNoRevision;
};
/// Create and start a container held at its gate
/// → WorkerStarted | StartFailed | StartUncertain, and GateReady.
struct StartWorker {
  WorkerId worker{};
  PoolName pool;
  Revision revision = kNoRevision;
};
/// Let a held worker go → WorkerRunning | ReleaseFailed. The marker of the release is written
/// first.
struct ReleaseWorker {
  WorkerId worker{};
  SlotIndex slot = 0;
};
enum class StopSignal : std::uint8_t { kTerm, kKill };
struct SignalWorker {  ///< no answer: its exit is the answer
  WorkerId worker{};
  StopSignal signal = StopSignal::kTerm;
};
struct QueryExit {  ///< → ExitStatusKnown | ExitStatusUncertain
  WorkerId worker{};
};
struct RecordExit {  ///< idempotent by worker → ExitRecorded
  ExitRecord record;
};
/// Remove all of it, killing what runs; absent is success → WorkerRemoved | RemoveFailed.
struct RemoveWorker {
  WorkerId worker{};
};
struct TakeInventory {  ///< → InventoryTaken | InventoryFailed
  InventoryNumber number{};
};
/// Nothing of ours keeps the host from going down any more. Once for each shutdown; no answer.
struct LetHostGo {};

using Action = std::variant<PrepareRevision, StartWorker, ReleaseWorker, SignalWorker, QueryExit,
                            RecordExit, RemoveWorker, TakeInventory, LetHostGo>;

}  // namespace mayfly::core
