// The end of a worker: seen, asked for, classified, recorded.
#pragma once

#include <optional>

#include "agent/core/turn.h"

namespace mayfly::core {

/// It ended (or broke, or is gone). `at`: none where nobody watched. Frees its slot. One that never
/// ran and was not wanted any more is dismissed instead.
void ended(Turn& turn, Worker& worker, std::optional<Time> at);

/// Its exit status is final; none: it will never be known. REQUIRES: kExited.
void settle_status(Worker& worker, std::optional<ExitStatus> status);

/// The first row of the table that matches. REQUIRES: its status is settled.
[[nodiscard]] ExitClass classify(const Worker& worker, const PoolSettings& settings);

/// Which exits a pass over the settled ones takes: those that are no failure may open their slot
/// for this turn's releases, a failure decides about the release after.
enum class ExitPass : std::uint8_t { kBeforeReleases, kAfterReleases };
void classify_exits(Turn& turn, ExitPass pass);

/// Asks for missing exit statuses, and has settled exits recorded. Both go on while the runtime is
/// down: the kernel may know a status, and records are not the runtime's.
void ask_exits(Turn& turn);
void record_exits(Turn& turn);

}  // namespace mayfly::core
