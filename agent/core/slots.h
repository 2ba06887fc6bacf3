// The places for live workers: as many as replicas, filled from ready spares, freed by exits.
#pragma once

#include "agent/core/turn.h"

namespace mayfly::core {

/// The worker's slot, also where another worker is in it by now. nullptr: none, or gone.
[[nodiscard]] Slot* find_slot(Pool& pool, const Worker& worker);

/// Free, and to be filled again.
[[nodiscard]] bool is_vacant(const Slot& slot);

/// The same, and the node's cordon does not hold it back.
[[nodiscard]] bool is_open(const Slot& slot);

/// It has more slots than replicas: those of a surplus that ends by itself.
[[nodiscard]] bool has_surplus(const Pool& pool);

/// The worker is not in its slot any more: the slot is free, or ends if it was leaving.
void free_slot(Turn& turn, const Worker& worker);

/// The same because it was seen to end: what follows in the slot is a respawn.
void vacate(Turn& turn, const Worker& worker);

/// Creates and takes away slots until there are as many as wanted; stops the workers of those
/// taken.
void fit_slots(Turn& turn);

/// Releases ready spares of the active revision into free slots that do not wait.
void fill_slots(Turn& turn);

/// A worker that has a slot may be let go into it: its pool wants that life still.
[[nodiscard]] bool may_begin(const Turn& turn, const Worker& worker);

/// Sends the release (again). REQUIRES: worker.slot.
void send_release(Turn& turn, Worker& worker);

/// Puts a worker that is found running into a slot: the one it was in if that can be, else another.
/// False: the pool is full; the slot that it is in ends with it.
[[nodiscard]] bool place_found(Pool& pool, Worker& worker, SlotIndex preferred);

}  // namespace mayfly::core
