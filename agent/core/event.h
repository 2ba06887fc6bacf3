// What the world tells the core. Past tense. Any event may be late, lost, doubled or out of order;
// one that names a worker the core does not know, or that comes twice, changes nothing.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "agent/core/exit.h"
#include "agent/core/ids.h"
#include "agent/core/settings.h"
#include "agent/core/time.h"

namespace mayfly::core {

// ---- desired state and operators ------------------------------------------------------------

/// The pool shall be so. Also the answer to scale, pause and resume.
struct PoolDesired {
  PoolSettings settings;
};
/// The pool shall be no more: spares dismissed, workers stopped with their grace.
struct PoolDropped {
  PoolName pool;
};
struct RetireAsked {  ///< replace this worker: TERM, grace, KILL
  WorkerId worker{};
};
struct KillAsked {  ///< KILL now
  WorkerId worker{};
};
struct ResetAsked {  ///< clear the pool's backoffs; try at once
  PoolName pool;
};
struct LimitsChanged {
  Limits limits;
};
/// The node shall be so. The same again changes nothing.
struct NodeDesired {
  NodeSettings settings;
};

// ---- the host --------------------------------------------------------------------------------

/// The host goes down. Until this is cancelled nothing is started or released. The two come in the
/// order in which the host says them.
struct HostShutdownBegan {
  Time until{};  ///< it waits for us no longer than this
};
/// It stays up after all.
struct HostShutdownCancelled {};

// ---- the image of a revision ----------------------------------------------------------------

struct RevisionPrepared {
  PoolName pool;
  Revision revision = kNoRevision;
};
struct RevisionFailed {
  PoolName pool;
  Revision revision = kNoRevision;
  std::string reason;
};

// ---- one worker -----------------------------------------------------------------------------

/// Its container runs, held at the gate, and its end will be seen.
struct WorkerStarted {
  WorkerId worker{};
};
/// The start failed and has been undone: nothing of it exists.
struct StartFailed {
  WorkerId worker{};
  std::string reason;
};
/// Nobody knows whether it exists: only an inventory asked for after this tells.
struct StartUncertain {
  WorkerId worker{};
  std::string reason;
};
/// Its gate is connected and waits for the release. May precede WorkerStarted.
struct GateReady {
  WorkerId worker{};
};
/// The connection to a held gate was lost or misbehaved; it may come again as GateReady.
struct GateLost {
  WorkerId worker{};
  std::string reason;
};
/// The released worker's own program runs (the gate exec'ed, or the app took the release).
struct WorkerRunning {
  WorkerId worker{};
  Time at{};
};
/// The gate could not hand over: exec failed, or it did not take the release.
struct ReleaseFailed {
  WorkerId worker{};
  std::string reason;
};
/// Its first process has ended. The status may come with it, or later.
struct WorkerExited {
  WorkerId worker{};
  Time at{};
  std::optional<ExitStatus> status;
};
/// The answer to QueryExit. No status: the runtime has answered, and it will never be known.
struct ExitStatusKnown {
  WorkerId worker{};
  std::optional<ExitStatus> status;
};
/// The runtime gave no answer to QueryExit; ask again.
struct ExitStatusUncertain {
  WorkerId worker{};
};
/// The record is durable.
struct ExitRecorded {
  WorkerId worker{};
};
/// Nothing of it is left.
struct WorkerRemoved {
  WorkerId worker{};
};
struct RemoveFailed {  ///< or nobody knows; ask again, it is idempotent
  WorkerId worker{};
  std::string reason;
};

// ---- the runtime as a whole -----------------------------------------------------------------

enum class ContainerState : std::uint8_t {
  kIncomplete,  ///< a record, snapshot or task without the rest: never ran or is half removed
  kRunning,
  kStopped,
};

/// One container that carries our label and this node's instance id.
struct ObservedWorker {
  WorkerId worker{};
  PoolName pool;
  Revision revision = kNoRevision;  ///< kNoRevision: its spec hash is of no known revision
  ContainerState state = ContainerState::kIncomplete;
  std::optional<SlotIndex>
      released_to;                   ///< the release was at least decided; from the node's marker
  std::optional<ExitStatus> status;  ///< of a stopped one, where the runtime knows it
};

/// The whole truth at some time after it was asked for. Absence counts only for workers whose
/// start was answered before `number` was asked.
struct InventoryTaken {
  InventoryNumber number{};
  std::vector<ObservedWorker> workers;
};
struct InventoryFailed {
  InventoryNumber number{};
};
struct RuntimeLost {  ///< no start or removal can succeed for now
  std::string reason;
};
struct RuntimeFound {};
/// Something happened to its container. If it is held to be alive, an inventory is taken soon; of
/// what is known to have ended, or is on its way out, there is nothing to be learned.
struct RuntimeHinted {
  WorkerId worker{};
};

using Event =
    std::variant<PoolDesired, PoolDropped, RetireAsked, KillAsked, ResetAsked, LimitsChanged,
                 NodeDesired, HostShutdownBegan, HostShutdownCancelled, RevisionPrepared,
                 RevisionFailed, WorkerStarted, StartFailed, StartUncertain, GateReady, GateLost,
                 WorkerRunning, ReleaseFailed, WorkerExited, ExitStatusKnown, ExitStatusUncertain,
                 ExitRecorded, WorkerRemoved, RemoveFailed, InventoryTaken, InventoryFailed,
                 RuntimeLost, RuntimeFound, RuntimeHinted>;

}  // namespace mayfly::core
