// The rules of a node that is cordoned or drained.
#include <algorithm>

#include "tests/simulation/audit.h"
#include "tests/simulation/describe.h"

namespace mayfly::simulation {

void Audit::check_node(const Core& core, const Decision& decision) {
  const Model& model = core.model();
  switch (node_.scheduling) {
    case Scheduling::kOpen:
      if (model.node_state != NodeState::kOpen) scene_.violate("NODE", "an open node is not open");
      return;
    case Scheduling::kCordoned:
      if (model.node_state != NodeState::kCordoned) {
        scene_.violate("NODE", "a cordoned node is not cordoned");
      }
      return check_withheld(model);
    case Scheduling::kDrained:
      return check_drain(model, decision);
  }
}

/// No slot is held back while the pool has fewer than it keeps.
void Audit::check_withheld(const Model& model) {
  for (const auto& [name, pool] : model.pools) {
    const auto count = [&pool = pool](bool withheld) {
      return std::count_if(pool.slots.begin(), pool.slots.end(), [&](const auto& each) {
        return !each.second.leaving && each.second.withheld == withheld;
      });
    };
    const std::uint32_t wanted = pool.dropped ? 0 : pool.settings.replicas;
    if (count(true) > 0 && count(false) < slots_kept(node_, name, wanted)) {
      scene_.violate("NODE", name, " has only ", count(false), " slots that may be filled");
    }
  }
}

/// Over when nobody lives, and then said to be; nobody is left alone beyond the deadline.
void Audit::check_drain(const Model& model, const Decision& decision) {
  const bool over = model.node_state == NodeState::kDrained;
  if (!over && model.node_state != NodeState::kDraining) {
    scene_.violate("NODE", "a drained node is open");
  }
  if (!over && model.adopted && model.workers.empty()) {
    scene_.violate("NODE", "the drain goes on for nothing");
  }
  for (const auto& [worker, of] : scene_.truth.fates) {
    if (over && of.handed_over && !of.ended) {
      scene_.violate("NODE", "the node is said to be drained, but ", worker, " lives");
    }
  }
  for (const auto& [id, worker] : model.workers) {
    const bool runs =
        worker.phase == WorkerPhase::kReleasing || worker.phase == WorkerPhase::kRunning;
    const bool is_due = node_.drain_until <= scene_.now();
    if (runs && is_due) {
      scene_.violate("NODE", id, " is not stopped at the deadline of the drain");
    }
    if (runs && !is_due && decision.wake_at > node_.drain_until) {
      scene_.violate("NODE", id, " would be left alone beyond the deadline of the drain");
    }
  }
}

}  // namespace mayfly::simulation
