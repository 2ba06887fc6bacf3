// Held containers: which may be released, how many are kept, which are thrown away.
#pragma once

#include "agent/core/turn.h"

namespace mayfly::core {

/// Ready at its gate, and of the revision that slots are filled with.
[[nodiscard]] bool is_spare(const Pool& pool, const Worker& worker);

/// The revision whose spares are made beside the active one; kNoRevision: none.
[[nodiscard]] Revision staged_revision(const Pool& pool);

/// Smoothed exits per second.
[[nodiscard]] double exits_per_s(const Pool& pool, Time now);
void count_exit(Pool& pool, Time now);

/// How many spares a pool holds beside what its vacant slots need; auto resolved.
[[nodiscard]] std::uint32_t standby_target(const Model& model, const Pool& pool, Time now);

/// How many spares of a staged revision are wanted.
[[nodiscard]] std::uint32_t staging_target(const Pool& pool);

/// It has been held for longer than the pool lets a spare be.
[[nodiscard]] bool is_aged(const Pool& pool, const Worker& worker, Time now);

/// It never ran and never will: removed without a record.
void dismiss(Turn& turn, Worker& worker, const std::string& why);

/// It is held: its end will be seen, and it is a spare as soon as its gate is ready.
void hold(Turn& turn, Worker& worker);

/// Its gate is ready. REQUIRES: kHeld and gate_ready.
void became_ready(Turn& turn, Worker& worker);

/// Throws away what is of no use: superseded revisions, dropped pools, too many, too old.
void dismiss_spares(Turn& turn);

}  // namespace mayfly::core
