#include "tests/simulation/describe.h"

#include <sstream>

#include "tests/simulation/trace.h"

namespace mayfly::core {

std::ostream& operator<<(std::ostream& out, WorkerId worker) {
  return out << 'w' << static_cast<std::uint64_t>(worker);
}

std::ostream& operator<<(std::ostream& out, Revision revision) {
  return out << 'r' << static_cast<std::uint32_t>(revision);
}

std::ostream& operator<<(std::ostream& out, const ExitStatus& status) {
  if (status.signal != 0) return out << "signal " << status.signal;
  return out << "code " << status.code;
}

std::ostream& operator<<(std::ostream& out, const std::optional<ExitStatus>& status) {
  if (!status) return out << "status unknown";
  return out << *status;
}

}  // namespace mayfly::core

namespace mayfly::simulation {

using namespace core;

namespace {

const char* name(ContainerState state) {
  switch (state) {
    case ContainerState::kIncomplete:
      return "incomplete";
    case ContainerState::kRunning:
      return "running";
    case ContainerState::kStopped:
      return "stopped";
  }
  return "?";
}

struct Words {
  std::ostream& out;

  void operator()(const PoolDesired& e) const {
    const PoolSettings& s = e.settings;
    out << "PoolDesired " << s.name << ' ' << s.revision << " replicas " << s.replicas
        << " standby ";
    if (s.standby) {
      out << *s.standby;
    } else {
      out << "auto";
    }
    out << " grace " << seconds(s.stop_grace) << " spare age " << seconds(s.spare_age_max)
        << (s.surplus == Surplus::kAwaited ? " surplus awaited" : "")
        << (s.paused ? " paused" : "");
  }
  void operator()(const PoolDropped& e) const { out << "PoolDropped " << e.pool; }
  void operator()(const RetireAsked& e) const { out << "RetireAsked " << e.worker; }
  void operator()(const KillAsked& e) const { out << "KillAsked " << e.worker; }
  void operator()(const ResetAsked& e) const { out << "ResetAsked " << e.pool; }
  void operator()(const LimitsChanged& e) const {
    const Limits& l = e.limits;
    out << "LimitsChanged starts " << l.starts_inflight_max << " removes " << l.removes_inflight_max
        << " rate " << l.starts_rate << " burst " << l.starts_burst << " deadlines: start "
        << seconds(l.start_deadline) << " ready " << seconds(l.ready_deadline) << " release "
        << seconds(l.release_deadline) << " remove " << seconds(l.remove_deadline) << " record "
        << seconds(l.record_deadline) << " inventory every " << seconds(l.inventory_every)
        << " within " << seconds(l.inventory_deadline) << " drain " << seconds(l.shutdown_drain);
  }
  void operator()(const NodeDesired& e) const {
    out << "NodeDesired ";
    switch (e.settings.scheduling) {
      case Scheduling::kOpen:
        out << "open";
        return;
      case Scheduling::kCordoned:
        out << "cordoned";
        for (const auto& [pool, slots] : e.settings.kept) out << ' ' << pool << ' ' << slots;
        return;
      case Scheduling::kDrained:
        out << "drained";
        if (e.settings.drain_until == kNever) return;
        out << " until " << seconds(e.settings.drain_until.time_since_epoch());
        return;
    }
  }
  void operator()(const HostShutdownBegan& e) const {
    out << "HostShutdownBegan until " << seconds(e.until.time_since_epoch());
  }
  void operator()(const HostShutdownCancelled&) const { out << "HostShutdownCancelled"; }
  void operator()(const RevisionPrepared& e) const {
    out << "RevisionPrepared " << e.pool << ' ' << e.revision;
  }
  void operator()(const RevisionFailed& e) const {
    out << "RevisionFailed " << e.pool << ' ' << e.revision << ": " << e.reason;
  }
  void operator()(const WorkerStarted& e) const { out << "WorkerStarted " << e.worker; }
  void operator()(const StartFailed& e) const {
    out << "StartFailed " << e.worker << ": " << e.reason;
  }
  void operator()(const StartUncertain& e) const {
    out << "StartUncertain " << e.worker << ": " << e.reason;
  }
  void operator()(const GateReady& e) const { out << "GateReady " << e.worker; }
  void operator()(const GateLost& e) const { out << "GateLost " << e.worker << ": " << e.reason; }
  void operator()(const WorkerRunning& e) const {
    out << "WorkerRunning " << e.worker << " at " << seconds(e.at.time_since_epoch());
  }
  void operator()(const ReleaseFailed& e) const {
    out << "ReleaseFailed " << e.worker << ": " << e.reason;
  }
  void operator()(const WorkerExited& e) const {
    out << "WorkerExited " << e.worker << " at " << seconds(e.at.time_since_epoch()) << ' '
        << e.status;
  }
  void operator()(const ExitStatusKnown& e) const {
    out << "ExitStatusKnown " << e.worker << ' ' << e.status;
  }
  void operator()(const ExitStatusUncertain& e) const { out << "ExitStatusUncertain " << e.worker; }
  void operator()(const ExitRecorded& e) const { out << "ExitRecorded " << e.worker; }
  void operator()(const WorkerRemoved& e) const { out << "WorkerRemoved " << e.worker; }
  void operator()(const RemoveFailed& e) const {
    out << "RemoveFailed " << e.worker << ": " << e.reason;
  }
  void operator()(const InventoryTaken& e) const {
    out << "InventoryTaken " << static_cast<std::uint64_t>(e.number) << ":";
    for (const ObservedWorker& w : e.workers) {
      out << ' ' << w.worker << '/' << w.pool << '/' << w.revision << '/' << name(w.state);
      if (w.released_to) out << "/slot" << *w.released_to;
      if (w.status) out << '/' << *w.status;
    }
  }
  void operator()(const InventoryFailed& e) const {
    out << "InventoryFailed " << static_cast<std::uint64_t>(e.number);
  }
  void operator()(const RuntimeLost& e) const { out << "RuntimeLost: " << e.reason; }
  void operator()(const RuntimeFound&) const { out << "RuntimeFound"; }
  void operator()(const RuntimeHinted& e) const { out << "RuntimeHinted " << e.worker; }

  void operator()(const PrepareRevision& a) const {
    out << "PrepareRevision " << a.pool << ' ' << a.revision;
  }
  void operator()(const StartWorker& a) const {
    out << "StartWorker " << a.worker << ' ' << a.pool << ' ' << a.revision;
  }
  void operator()(const ReleaseWorker& a) const {
    out << "ReleaseWorker " << a.worker << " to slot " << a.slot;
  }
  void operator()(const SignalWorker& a) const {
    out << "SignalWorker " << a.worker << (a.signal == StopSignal::kTerm ? " TERM" : " KILL");
  }
  void operator()(const QueryExit& a) const { out << "QueryExit " << a.worker; }
  void operator()(const RecordExit& a) const {
    const ExitRecord& r = a.record;
    out << "RecordExit " << r.worker << ' ' << simulation::name(r.exit_class) << ' ' << r.status;
    if (r.slot) out << " slot " << *r.slot;
    if (!r.reason.empty()) out << " (" << r.reason << ')';
  }
  void operator()(const RemoveWorker& a) const { out << "RemoveWorker " << a.worker; }
  void operator()(const TakeInventory& a) const {
    out << "TakeInventory " << static_cast<std::uint64_t>(a.number);
  }
  void operator()(const LetHostGo&) const { out << "LetHostGo"; }
};

}  // namespace

std::string describe(const Event& event) {
  std::ostringstream out;
  std::visit(Words{out}, event);
  return out.str();
}

std::string describe(const Action& action) {
  std::ostringstream out;
  std::visit(Words{out}, action);
  return out.str();
}

std::string describe(const Transition& transition) {
  std::ostringstream out;
  out << transition.pool;
  if (transition.worker) out << ' ' << *transition.worker;
  if (transition.slot) out << " slot " << *transition.slot;
  out << ' ' << transition.what;
  if (!transition.detail.empty()) out << ": " << transition.detail;
  return out.str();
}

const char* name(WorkerPhase phase) {
  switch (phase) {
    case WorkerPhase::kStarting:
      return "starting";
    case WorkerPhase::kUncertain:
      return "uncertain";
    case WorkerPhase::kHeld:
      return "held";
    case WorkerPhase::kReleasing:
      return "releasing";
    case WorkerPhase::kRunning:
      return "running";
    case WorkerPhase::kStopping:
      return "stopping";
    case WorkerPhase::kExited:
      return "exited";
    case WorkerPhase::kRecording:
      return "recording";
    case WorkerPhase::kRemoving:
      return "removing";
  }
  return "?";
}

const char* name(EmptyReason reason) {
  switch (reason) {
    case EmptyReason::kNone:
      return "none";
    case EmptyReason::kHostShutdown:
      return "host shutdown";
    case EmptyReason::kAdopting:
      return "adopting";
    case EmptyReason::kPaused:
      return "paused";
    case EmptyReason::kNodeDrained:
      return "node drained";
    case EmptyReason::kNodeCordoned:
      return "node cordoned";
    case EmptyReason::kPulling:
      return "pulling";
    case EmptyReason::kNoImage:
      return "no image";
    case EmptyReason::kBackoff:
      return "backoff";
    case EmptyReason::kRuntimeDown:
      return "runtime down";
    case EmptyReason::kStartsFailing:
      return "starts failing";
    case EmptyReason::kStartsLimited:
      return "starts limited";
    case EmptyReason::kStarting:
      return "starting";
  }
  return "?";
}

const char* name(ExitClass exit_class) {
  switch (exit_class) {
    case ExitClass::kOurs:
      return "ours";
    case ExitClass::kNoStart:
      return "nostart";
    case ExitClass::kDone:
      return "done";
    case ExitClass::kLost:
      return "lost";
    case ExitClass::kFail:
      return "fail";
  }
  return "?";
}

}  // namespace mayfly::simulation
