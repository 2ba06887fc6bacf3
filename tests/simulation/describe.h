// Events, actions and ids in words, for the story.
#pragma once

#include <ostream>
#include <string>

#include "agent/core/action.h"
#include "agent/core/core.h"
#include "agent/core/event.h"

namespace mayfly::core {

// In the namespace of the types, so that streams find them.
std::ostream& operator<<(std::ostream& out, WorkerId worker);
std::ostream& operator<<(std::ostream& out, Revision revision);
std::ostream& operator<<(std::ostream& out, const ExitStatus& status);
std::ostream& operator<<(std::ostream& out, const std::optional<ExitStatus>& status);

}  // namespace mayfly::core

namespace mayfly::simulation {

[[nodiscard]] std::string describe(const core::Event& event);
[[nodiscard]] std::string describe(const core::Action& action);
[[nodiscard]] std::string describe(const core::Transition& transition);
[[nodiscard]] const char* name(core::WorkerPhase phase);
[[nodiscard]] const char* name(core::EmptyReason reason);
[[nodiscard]] const char* name(core::ExitClass exit_class);

}  // namespace mayfly::simulation
