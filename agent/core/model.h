// The core's picture of the node: pools, slots, workers. Read by the control views and by the
// simulator's checkers; changed by the core alone.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "agent/core/exit.h"
#include "agent/core/ids.h"
#include "agent/core/settings.h"

namespace mayfly::core {

enum class WorkerPhase : std::uint8_t {
  kStarting,   ///< StartWorker is out
  kUncertain,  ///< the start's outcome is unknown; an inventory will tell
  kHeld,       ///< started; a spare once its gate is ready
  kReleasing,  ///< ReleaseWorker is out; it fills its slot
  kRunning,    ///< its own program runs
  kStopping,   ///< signalled by us, not yet ended
  kExited,     ///< ended; its status is being asked for
  kRecording,  ///< its exit record is on its way to disk
  kRemoving,   ///< RemoveWorker is due or out
};

struct Worker {
  WorkerId id{};
  PoolName pool;
  Revision revision = kNoRevision;
  WorkerPhase phase = WorkerPhase::kStarting;
  std::optional<SlotIndex> slot;  ///< set from the release on, for ever
  bool gate_ready = false;
  bool adopted = false;
  bool stop_asked = false;  ///< we signalled it, or mean to: its exit is ours
  std::string stop_reason;  ///< who or what asked, for the exit record
  std::optional<ExitStatus> status;
  std::string fault;  ///< why it is broken, when it is
  std::optional<Time> start_asked;
  std::optional<Time> started;
  std::optional<Time> ready;
  std::optional<Time> released;
  std::optional<Time> running;
  std::optional<Time> exited;
  std::optional<Duration> respawn_gap;
  std::optional<ExitClass> exit_class;  ///< once it is decided
  bool status_settled = false;          ///< `status` is final, also where it is none
  bool kill_asked = false;              ///< no grace, or no more of it
  std::optional<Time> vacated;          ///< end of the slot's worker before it
  InventoryNumber counts_after{};       ///< only inventories with a higher number tell of it
  Time deadline = kNever;               ///< of the operation that is out in this phase
  Time due{};                           ///< where none is out: it may be asked (again) from then on
  std::uint32_t tries = 0;              ///< of that operation
};

/// The one reason why a slot is empty; the first that applies, in this order.
enum class EmptyReason : std::uint8_t {
  kNone,          ///< it is not empty
  kHostShutdown,  ///< the host goes down: nothing is started any more
  kAdopting,      ///< the first inventory after start-up is not there yet
  kNodeDrained,   ///< the node is being drained, or is (detail: how far)
  kPaused,
  kNodeCordoned,   ///< the node is cordoned, and the slot was not there before
  kPulling,        ///< the image of its revision is being prepared (detail: after what)
  kNoImage,        ///< no revision has a usable image (detail: why)
  kBackoff,        ///< the worker before failed (detail: how)
  kRuntimeDown,    ///< the runtime does not answer (detail: how)
  kStartsFailing,  ///< creating containers fails; waiting for the next try (detail: how)
  kStartsLimited,  ///< the node's limit of starts is reached
  kStarting,       ///< a worker for it is being created
};

struct Slot {
  std::optional<WorkerId> worker;  ///< not yet seen to end, or not yet gone from the node
  std::optional<Time> vacated;     ///< end of the worker before
  Time free_since{};               ///< when it became empty; the longest empty is filled first
  Time not_before{};               ///< backoff: no release earlier
  std::uint32_t losses = 0;        ///< workers lost in a row
  bool leaving = false;            ///< scaled down: it ends with its worker
  bool withheld = false;           ///< not filled, since the node is cordoned
  std::string last_failure;        ///< of this slot's last failed worker; cleared by a success
};

/// Failures to create containers of one revision.
struct StartCurve {
  std::uint32_t failures = 0;
  Time raised{};        ///< starts asked before this do not raise it again
  Time not_before{};    ///< no start earlier
  std::string failure;  ///< of the last failed start; empty after a success
};

struct Counters {
  std::uint64_t released = 0;
  std::uint64_t spare_hits = 0;  ///< a slot came free and a ready spare filled it in the same step
  std::uint64_t spare_misses = 0;  ///< it had to wait for a container
  std::uint64_t started = 0;
  std::uint64_t start_failures = 0;
  std::map<ExitClass, std::uint64_t> exits;
};

struct Pool {
  PoolSettings settings;
  bool dropped = false;             ///< it ends when its last worker is gone
  Revision active = kNoRevision;    ///< slots are filled with this one
  Revision prepared = kNoRevision;  ///< the newest whose image is there
  std::string prepare_failure;      ///< why settings.revision is not prepared
  Time prepare_at{};                ///< next PrepareRevision
  std::uint32_t prepare_failures = 0;
  bool preparing = false;
  Time prepare_deadline = kNever;
  std::map<SlotIndex, Slot> slots;
  std::uint32_t failures = 0;        ///< level of the exit backoff
  Time failures_raised{};            ///< workers released before this do not raise it again
  StartCurve starts;                 ///< of the active revision
  StartCurve staging;                ///< of a prepared one that is not active yet
  std::uint32_t standby_target = 0;  ///< spares wanted now (auto resolved)
  double exits_per_s = 0;            ///< smoothed, at the time of the last exit
  Time exit_counted{};               ///< the last exit that it counts
  Duration start_time{};             ///< asked → gate ready, smoothed
  Counters counters;
  std::set<WorkerId> workers;  ///< all of its workers, whatever their phase
};

/// Why the slot is empty and when it is tried next (kNever: when something else changes).
struct EmptySlot {
  EmptyReason reason = EmptyReason::kNone;
  std::string detail;
  Time next_attempt = kNever;
};

/// The host is going down.
struct HostShutdown {
  Time began{};
  Time until{};         ///< the host waits for us no longer
  bool let_go = false;  ///< we have said that it need not wait
};

/// How long a container's start takes until it is answered, smoothed.
struct StartPace {
  Duration recent{};          ///< over a handful of starts
  Duration usual{};           ///< over some dozens
  std::uint32_t counted = 0;  ///< as far as it matters
  bool slow = false;          ///< half as many starts at a time
};

/// The node as it is: what is wanted of it, and whether the drain has come to its end.
enum class NodeState : std::uint8_t { kOpen, kCordoned, kDraining, kDrained };

struct Model {
  std::map<PoolName, Pool> pools;
  std::map<WorkerId, Worker> workers;
  Limits limits;
  bool adopted = false;  ///< the first inventory has been taken in
  bool runtime_up = true;
  std::string runtime_fault;
  std::optional<HostShutdown> host_shutdown;
  NodeSettings node;
  NodeState node_state = NodeState::kOpen;
  StartPace start_pace;
};

}  // namespace mayfly::core
