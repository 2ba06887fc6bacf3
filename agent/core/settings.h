// What a user wants of a pool and what the node allows, reduced to what the core decides on. What a
// revision contains (image, command, mounts) is not known here: the core knows its number alone.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "agent/core/ids.h"
#include "agent/core/time.h"

namespace mayfly::core {

using namespace std::chrono_literals;

/// Full jitter: the wait is uniform in [0, min(max, initial * factor^(failures - 1))].
struct Backoff {
  Duration initial = 100ms;
  double factor = 2.0;
  Duration max = 30s;
  Duration reset_after = 10s;  ///< a worker that ran this long clears the failures before it
  bool operator==(const Backoff&) const = default;
};

/// What becomes of the running workers beyond `replicas`.
enum class Surplus : std::uint8_t {
  kStopped,  ///< TERM, the youngest first
  kAwaited,  ///< they end by themselves, whichever is first, and nothing follows them
};

struct PoolSettings {
  PoolName name;
  std::uint32_t replicas = 1;
  std::optional<std::uint32_t>
      standby;                      ///< spares to hold; nullopt = auto (1..8); 0 = create on exit
  Revision revision = kNoRevision;  ///< the desired revision
  Duration stop_grace = 30s;        ///< from TERM to KILL
  Duration spare_age_max = 1h;      ///< a spare held longer is replaced
  Backoff backoff;
  Surplus surplus = Surplus::kStopped;
  bool paused = false;  ///< no new starts and no releases; running workers stay
  bool operator==(const PoolSettings&) const = default;
};

/// What a node takes on.
enum class Scheduling : std::uint8_t {
  kOpen,
  kCordoned,  ///< what is there goes on, respawns too; nothing is added
  kDrained,   ///< nothing is started any more, and what runs ends
};

/// What is wanted of the node itself.
struct NodeSettings {
  Scheduling scheduling = Scheduling::kOpen;
  Time drain_until = kNever;  ///< kDrained: what still runs gets TERM then
  /// kCordoned: the slots that each pool goes on filling. A pool that is not here has none.
  std::map<PoolName, std::uint32_t> kept = {};
  bool operator==(const NodeSettings&) const = default;
};

/// Protection of the node, over all pools.
struct Limits {
  std::uint32_t starts_inflight_max = 2;   ///< container starts at a time
  std::uint32_t removes_inflight_max = 2;  ///< container removals at a time
  double starts_rate = 0;                  ///< starts per second, token bucket; 0 = no limit
  std::uint32_t starts_burst = 10;         ///< depth of that bucket
  Duration start_deadline = 60s;           ///< a start without an answer is uncertain after this
  Duration ready_deadline = 30s;   ///< a started container whose gate is not ready is broken
  Duration release_deadline = 5s;  ///< a released gate that shows no exec is broken
  Duration remove_deadline = 60s;  ///< a removal without an answer is asked again
  Duration record_deadline = 10s;  ///< an exit record without an answer is written again
  Duration shutdown_drain = 60s;   ///< to end by itself when the host goes down, before TERM
  Duration inventory_every = 10s;
  Duration inventory_deadline = 30s;
  bool operator==(const Limits&) const = default;
};

}  // namespace mayfly::core
