#include "agent/control/names.h"

#include "agent/core/node_words.h"

namespace mayfly::control {

std::string_view name(core::ExitClass value) {
  switch (value) {
    case core::ExitClass::kOurs:
      return "ours";
    case core::ExitClass::kNoStart:
      return "nostart";
    case core::ExitClass::kDone:
      return "done";
    case core::ExitClass::kLost:
      return "lost";
    case core::ExitClass::kFail:
      return "fail";
  }
  return "unknown";
}

std::string_view name(core::WorkerPhase value) {
  switch (value) {
    case core::WorkerPhase::kStarting:
      return "starting";
    case core::WorkerPhase::kUncertain:
      return "uncertain";
    case core::WorkerPhase::kHeld:
      return "held";
    case core::WorkerPhase::kReleasing:
      return "releasing";
    case core::WorkerPhase::kRunning:
      return "running";
    case core::WorkerPhase::kStopping:
      return "stopping";
    case core::WorkerPhase::kExited:
      return "exited";
    case core::WorkerPhase::kRecording:
      return "recording";
    case core::WorkerPhase::kRemoving:
      return "removing";
  }
  return "unknown";
}

std::string_view name(core::EmptyReason value) {
  switch (value) {
    case core::EmptyReason::kNone:
      return "none";
    case core::EmptyReason::kHostShutdown:
      return "host_shutdown";
    case core::EmptyReason::kAdopting:
      return "adopting";
    case core::EmptyReason::kPaused:
      return "paused";
    case core::EmptyReason::kNodeDrained:
      return "node_drained";
    case core::EmptyReason::kNodeCordoned:
      return "node_cordoned";
    case core::EmptyReason::kPulling:
      return "pulling";
    case core::EmptyReason::kNoImage:
      return "no_image";
    case core::EmptyReason::kBackoff:
      return "backoff";
    case core::EmptyReason::kRuntimeDown:
      return "runtime_down";
    case core::EmptyReason::kStartsFailing:
      return "starts_failing";
    case core::EmptyReason::kStartsLimited:
      return "starts_limited";
    case core::EmptyReason::kStarting:
      return "starting";
  }
  return "unknown";
}

std::string_view sentence(core::EmptyReason value) {
  switch (value) {
    case core::EmptyReason::kNone:
      return "it is not empty";
    case core::EmptyReason::kHostShutdown:
      return "the host is shutting down";
    case core::EmptyReason::kAdopting:
      return "the runtime is being asked what runs already";
    case core::EmptyReason::kPaused:
      return "the pool is paused";
    case core::EmptyReason::kNodeDrained:
      return "the node is drained";
    case core::EmptyReason::kNodeCordoned:
      return "the node is cordoned";
    case core::EmptyReason::kPulling:
      return "its image is being prepared";
    case core::EmptyReason::kNoImage:
      return "no revision has a usable image";
    case core::EmptyReason::kBackoff:
      return "its last worker failed";
    case core::EmptyReason::kRuntimeDown:
      return "the runtime does not answer";
    case core::EmptyReason::kStartsFailing:
      return "containers cannot be started";
    case core::EmptyReason::kStartsLimited:
      return "the node's limit of starts is reached";
    case core::EmptyReason::kStarting:
      return "a worker for it is being created";
  }
  return "unknown";
}

std::string_view name(core::NodeState value) {
  switch (value) {
    case core::NodeState::kOpen:
      return core::node_words::kOpen;
    case core::NodeState::kCordoned:
      return core::node_words::kCordoned;
    case core::NodeState::kDraining:
      return core::node_words::kDraining;
    case core::NodeState::kDrained:
      return core::node_words::kDrained;
  }
  return "unknown";
}

std::string_view name(ChangeKind value) {
  switch (value) {
    case ChangeKind::kCreated:
      return "created";
    case ChangeKind::kChanged:
      return "changed";
    case ChangeKind::kUnchanged:
      return "unchanged";
    case ChangeKind::kDeleted:
      return "deleted";
  }
  return "unknown";
}

std::string_view name(Refusal value) {
  switch (value) {
    case Refusal::kNotFound:
      return "not_found";
    case Refusal::kRefused:
      return "refused";
    case Refusal::kInvalid:
      return "invalid";
    case Refusal::kFailed:
      return "failed";
    case Refusal::kTimedOut:
      return "timed_out";
  }
  return "unknown";
}

}  // namespace mayfly::control
