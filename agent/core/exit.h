// How a worker ended, and what that means for its slot.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "agent/core/ids.h"
#include "agent/core/time.h"

namespace mayfly::core {

/// As wait(2) tells it. Exactly one of the two is meaningful: signal != 0 means killed by it.
struct ExitStatus {
  int code = 0;
  int signal = 0;
  bool operator==(const ExitStatus&) const = default;
};

/// The row of the table that an exit matched; the rows are tried in order, the first match wins.
enum class ExitClass : std::uint8_t {
  kOurs,     ///< we signalled it; never a failure
  kNoStart,  ///< it never ran: create, start or hold failed
  kDone,     ///< exit 0
  kLost,     ///< killed by a signal that we did not send, or its status cannot be known
  kFail,     ///< anything else
};

/// Everything the core knows of one ended worker; handed out exactly once for each.
struct ExitRecord {
  WorkerId worker{};
  PoolName pool;
  Revision revision = kNoRevision;
  std::optional<SlotIndex> slot;  ///< none: it was never released
  ExitClass exit_class = ExitClass::kLost;
  std::optional<ExitStatus> status;  ///< none: it cannot be known, and that is what the record says
  std::string reason;               ///< for people: exec failure, who retired it, …; may be empty
  std::optional<Time> start_asked;  ///< none for what was adopted
  std::optional<Time> ready;        ///< held at its gate since
  std::optional<Time> released;     ///< the release was decided
  std::optional<Time> running;  ///< its own program was seen to run (exec, or the app took over)
  std::optional<Time> exited;   ///< none: it ended while nobody watched
  std::optional<Duration> respawn_gap;  ///< end of the slot's previous worker → `running`
  bool operator==(const ExitRecord&) const = default;
};

}  // namespace mayfly::core
