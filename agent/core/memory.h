// What the core remembers from step to step beside the model: clocks, cursors, indexes, random
// bits. Of no interest to anyone outside.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <set>
#include <vector>

#include "agent/core/event.h"
#include "agent/core/ids.h"
#include "agent/core/model.h"
#include "agent/core/time.h"

namespace mayfly::core {

/// When the runtime was and will be asked for the whole truth. One list at a time.
struct InventoryClock {
  InventoryNumber last{};  ///< the last that was asked for
  bool out = false;        ///< it has not been answered
  Time asked{};
  Time deadline = kNever;
  Time due{};  ///< the next regular one
  bool hinted = false;
  std::uint32_t failures = 0;
  InventoryNumber
      lost_after{};  ///< the runtime was lost when this was the last; a later one finds it
};

/// Limit of starts per second over all pools.
struct StartBucket {
  double tokens = 0;
  Time filled{};
};

/// What a container is started for; the order is the priority.
enum class StartPurpose : std::uint8_t { kRespawn, kScaleUp, kStaging, kStandby };
inline constexpr std::size_t kStartPurposes = 4;
inline constexpr std::size_t kWorkerPhases = 9;

struct Memory {
  std::uint64_t next_worker = 1;
  std::uint64_t random_state = 0;
  std::array<std::set<WorkerId>, kWorkerPhases> phases;  ///< index by Worker::phase
  InventoryClock inventory;
  StartBucket bucket;
  std::array<PoolName, kStartPurposes> served_last;  ///< where the round robin goes on
  std::uint64_t starts_made = 0;
  bool withheld = false;         ///< slots were, in the step before
  std::set<WorkerId> forgotten;  ///< since the inventory that is out was asked for
  std::vector<Event> early;      ///< of workers that the first inventory may make known
};

}  // namespace mayfly::core
