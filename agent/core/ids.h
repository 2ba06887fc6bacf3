// The names of things that cross the ring between the core and the world. Ids only, never pointers.
#pragma once

#include <compare>
#include <cstdint>
#include <string>

namespace mayfly::core {

/// One container life. Unique on a node for ever: the agent starts each run above all earlier ids.
enum class WorkerId : std::uint64_t {};

/// A place for one live worker in a pool. Indices need not be contiguous after a scale-down.
using SlotIndex = std::uint32_t;

/// An immutable numbered spec of a pool. Numbers rise by one; 0 means "none" or "of no known spec".
enum class Revision : std::uint32_t {};

inline constexpr Revision kNoRevision{0};

/// Number of a list of the runtime, in the order in which they were asked for.
enum class InventoryNumber : std::uint64_t {};

using PoolName = std::string;

}  // namespace mayfly::core
