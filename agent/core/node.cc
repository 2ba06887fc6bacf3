#include "agent/core/node.h"

#include <algorithm>
#include <tuple>

#include "agent/core/slots.h"
#include "agent/core/words.h"

namespace mayfly::core {

namespace {

const char* word_for(NodeState state) {
  switch (state) {
    case NodeState::kOpen:
      return words::kNodeOpen;
    case NodeState::kCordoned:
      return words::kNodeCordoned;
    case NodeState::kDraining:
      return words::kNodeDraining;
    case NodeState::kDrained:
      return words::kNodeDrained;
  }
  return words::kNodeOpen;
}

void become(Turn& turn, NodeState state) {
  if (std::exchange(turn.model.node_state, state) != state) tell_node(turn, word_for(state), {});
}

/// Those with a worker come first, then those that were open before, the longest free of them.
void withhold(Pool& pool, std::size_t kept) {
  std::vector<Slot*> staying;
  for (auto& [index, slot] : pool.slots) {
    if (!slot.leaving) staying.push_back(&slot);
  }
  const auto order = [](const Slot* slot) {
    return std::tuple(!slot->worker.has_value(), slot->withheld, !slot->vacated, slot->free_since);
  };
  std::stable_sort(staying.begin(), staying.end(),
                   [&](const Slot* one, const Slot* other) { return order(one) < order(other); });
  for (std::size_t i = 0; i < staying.size(); ++i) {
    staying[i]->withheld = i >= kept && !staying[i]->worker;
  }
}

}  // namespace

void node_desired(Turn& turn, const NodeDesired& event) {
  turn.model.node = event.settings;
  switch (event.settings.scheduling) {
    case Scheduling::kOpen:
      return become(turn, NodeState::kOpen);
    case Scheduling::kCordoned:
      return become(turn, NodeState::kCordoned);
    case Scheduling::kDrained:
      if (turn.model.node_state != NodeState::kDrained) become(turn, NodeState::kDraining);
      return;
  }
}

bool is_closed(const Model& model) {
  return model.host_shutdown || model.node.scheduling == Scheduling::kDrained;
}

const char* why_closed(const Model& model) {
  return model.host_shutdown ? "host shutdown" : "node drained";
}

std::uint32_t slots_allowed(const Model& model, const Pool& pool) {
  const std::uint32_t wanted = pool.dropped ? 0 : pool.settings.replicas;
  if (model.node.scheduling != Scheduling::kCordoned) return wanted;
  const auto kept = model.node.kept.find(pool.settings.name);
  return kept == model.node.kept.end() ? 0 : std::min(kept->second, wanted);
}

bool is_within_cordon(const Model& model, const Pool& pool) {
  if (model.node.scheduling != Scheduling::kCordoned) return true;
  const auto taken = std::count_if(pool.slots.begin(), pool.slots.end(), [](const auto& each) {
    return each.second.worker && !each.second.leaving;
  });
  return taken <= slots_allowed(model, pool);
}

void withhold_slots(Turn& turn) {
  const bool cordoned = turn.model.node.scheduling == Scheduling::kCordoned;
  if (!cordoned && !turn.memory.withheld) return;
  turn.memory.withheld = cordoned;
  for (auto& [name, pool] : turn.model.pools) {
    withhold(pool, cordoned ? slots_allowed(turn.model, pool) : pool.slots.size());
  }
}

void follow_drain(Turn& turn) {
  const Model& model = turn.model;
  if (model.node.scheduling != Scheduling::kDrained) return;
  const bool over = model.adopted && model.workers.empty();
  become(turn, over ? NodeState::kDrained : NodeState::kDraining);
}

std::map<PoolName, std::uint32_t> slots_to_keep(const Model& model) {
  std::map<PoolName, std::uint32_t> kept;
  for (const auto& [name, pool] : model.pools) kept[name] = slots_allowed(model, pool);
  return kept;
}

}  // namespace mayfly::core
