// What is drawn for a seed before its world begins: how many pools, what they are like, and how bad
// the world is to them. What happens inside the world is drawn from the same source, later.
#pragma once

#include <cstdint>
#include <vector>

#include "agent/core/settings.h"
#include "tests/simulation/random.h"

namespace mayfly::simulation {

using namespace std::chrono_literals;

/// Probabilities of each fault, per occasion. All zero: a world without faults.
struct Faults {
  // the way of an event to the core
  double event_lost = 0;
  double event_late = 0;
  double event_doubled = 0;
  // starts
  double start_fails = 0;
  double start_unsure = 0;  ///< answered as uncertain; it may have happened, or happen much later
  double start_silent = 0;  ///< never answered
  double start_slow = 0;    ///< for a while, starts take many times as long
  // removals
  double remove_fails = 0;
  double remove_silent = 0;
  // lists, queries, images
  double list_fails = 0;
  double list_slow = 0;
  double list_silent = 0;
  double query_unsure = 0;
  double query_silent = 0;
  double prepare_fails = 0;
  double prepare_silent = 0;
  double prepare_slow = 0;  ///< a pull of seconds or minutes
  // gates
  double gate_lost = 0;
  double gate_mute = 0;  ///< it never connects
  double release_lost = 0;
  double release_slow = 0;
  double release_fails = 0;  ///< exec fails, the container exits 127
  // ends
  double spare_dies = 0;
  double exit_missed = 0;     ///< no pidfd event: only lists show it
  double status_unknown = 0;  ///< the runtime never learns it
  double status_wrong = 0;    ///< it tells a made-up one
  double kill_stuck = 0;      ///< KILL works only after a while
  double signal_lost = 0;
  // the store
  double store_slow = 0;
  double store_silent = 0;
  // the agent
  double crash = 0;  ///< per step: before it, after it, or after k of its n actions
  double stall = 0;  ///< per step: the next one comes seconds late
};

/// How the workers of one revision live.
struct Habits {
  core::Duration life_min = 1s;
  core::Duration life_max = 10s;
  double endless = 0;  ///< share of those that never exit
  double at_once = 0;  ///< share of those that exit within a millisecond or two
  double fails = 0;    ///< share of exits with a failure code
  double killed = 0;   ///< share of exits by a signal from elsewhere
  double ignores_term = 0;
  double slow_on_term = 0;
};

struct PoolPlan {
  core::PoolSettings settings;
  Habits habits;
};

struct Plan {
  std::uint64_t seed = 0;
  core::Time start{};
  core::Duration safety{};      ///< how long faults go on
  std::uint32_t steps_max = 0;  ///< and for at most so many steps of the core
  core::Limits limits;
  Faults faults;
  std::vector<PoolPlan> pools;
  core::Duration outage_every{};    ///< mean time between outages of the runtime; 0 = none
  core::Duration operator_every{};  ///< mean time between an operator's acts; 0 = none
  core::Duration shutdown_every{};  ///< mean time between shutdowns of the host; 0 = none
  core::Duration create_time{};     ///< typical time of a start
  core::Duration remove_time{};
  bool pidfd_tells_status = true;  ///< kernel >= 6.15
  bool reset_at_end = true;        ///< an operator resets all pools when the faults end
};

/// What the core wants of a worker reaches it, and the core itself is never late.
[[nodiscard]] bool is_obeyed_at_once(const Plan& plan);

[[nodiscard]] Plan draw_plan(std::uint64_t seed, Random& random);

/// A backoff, standby, … for a pool that an operator makes or changes.
[[nodiscard]] core::PoolSettings draw_settings(Random& random, core::PoolName name);
[[nodiscard]] Habits draw_habits(Random& random);

}  // namespace mayfly::simulation
