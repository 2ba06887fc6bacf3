// How long to wait after failures: of exits (per pool, full jitter) and of starts (per revision).
#pragma once

#include <string>

#include "agent/core/turn.h"

namespace mayfly::core {

/// The largest wait at this level. 0 failures: none.
[[nodiscard]] Duration backoff_bound(const Backoff& backoff, std::uint32_t failures);

/// Uniform in [0, bound].
[[nodiscard]] Duration jittered(Memory& memory, Duration bound);

/// A worker failed: its slot waits. The pool's level rises once per round only: not for a worker
/// that was released before the last rise.
void back_off(Turn& turn, const Worker& worker, std::string why);

/// It has run for so long that the failures before it do not count.
[[nodiscard]] bool ran_long(const Pool& pool, const Worker& worker, Time now);

/// The pool's workers do well again: the next failure is a first one.
void clear_failures(Pool& pool);

/// Forgets failures and ends the waits of all slots.
void clear_backoff(Pool& pool);

/// nullptr: the revision is neither active nor being staged.
[[nodiscard]] StartCurve* start_curve(Pool& pool, Revision revision);

/// A container of the pool could not be made, or broke before its release. Does not count while the
/// runtime is down.
void start_failed(Turn& turn, const Worker& worker, const std::string& why);

}  // namespace mayfly::core
