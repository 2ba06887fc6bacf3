// Events change the picture; what follows from it is decided afterwards.
#pragma once

#include "agent/core/turn.h"

namespace mayfly::core {

void take_in(Turn& turn, const Event& event);

/// Operations whose answer is overdue.
void pass_deadlines(Turn& turn);

/// Wakes for the answers that are awaited once the turn has decided.
void await_answers(Turn& turn);

}  // namespace mayfly::core
