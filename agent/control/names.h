// The printed words for the core's enumerations: in the API, in metrics and in exit records. Each
// is spelled here and nowhere else.
#pragma once

#include <array>
#include <string_view>

#include "agent/control/operations.h"
#include "agent/core/model.h"

namespace mayfly::control {

inline constexpr std::array kExitClasses{core::ExitClass::kOurs, core::ExitClass::kNoStart,
                                         core::ExitClass::kDone, core::ExitClass::kLost,
                                         core::ExitClass::kFail};

inline constexpr std::array kEmptyReasons{
    core::EmptyReason::kHostShutdown,  core::EmptyReason::kAdopting,
    core::EmptyReason::kNodeDrained,   core::EmptyReason::kPaused,
    core::EmptyReason::kNodeCordoned,  core::EmptyReason::kPulling,
    core::EmptyReason::kNoImage,       core::EmptyReason::kBackoff,
    core::EmptyReason::kRuntimeDown,   core::EmptyReason::kStartsFailing,
    core::EmptyReason::kStartsLimited, core::EmptyReason::kStarting};

inline constexpr std::array kNodeStates{core::NodeState::kOpen, core::NodeState::kCordoned,
                                        core::NodeState::kDraining, core::NodeState::kDrained};

[[nodiscard]] std::string_view name(core::ExitClass value);
[[nodiscard]] std::string_view name(core::WorkerPhase value);
[[nodiscard]] std::string_view name(core::EmptyReason value);
[[nodiscard]] std::string_view name(core::NodeState value);
[[nodiscard]] std::string_view name(ChangeKind value);
[[nodiscard]] std::string_view name(Refusal value);

/// A sentence for people, without the detail.
[[nodiscard]] std::string_view sentence(core::EmptyReason value);

}  // namespace mayfly::control
