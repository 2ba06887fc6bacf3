// The node itself: whether it takes anything on, and how far its drain is.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/control/names.h"
#include "agent/control/tally.h"
#include "agent/control/views.h"

namespace mayfly::control {
namespace {

/// null: no drain, or one without a deadline.
Json until_deadline(const core::Model& model, core::Time now) {
  const core::NodeSettings& node = model.node;
  if (node.scheduling != core::Scheduling::kDrained || node.drain_until == core::kNever) return {};
  return to_ms(std::max(node.drain_until - now, core::Duration::zero()));
}

}  // namespace

Json scheduling_view(const Operations& operations, Moment moment) {
  const core::Model& model = operations.model();
  const NodeScheduling ordered = operations.node().scheduling;
  Tally sum;
  for (const auto& [pool, tally] : tally_pools(model)) sum += tally;
  const Json left = until_deadline(model, moment.now);
  Json view;
  view["state"] = name(model.node_state);
  view["since_at"] = ordered.since_unix_ms ? Json(rfc3339(*ordered.since_unix_ms)) : Json();
  view["deadline_at"] =
      left.is_null() ? Json() : Json(rfc3339(moment.unix_ms + left.get<std::int64_t>()));
  view["deadline_in_ms"] = left;
  view["running"] = sum.running;
  view["stopping"] = sum.stopping;
  view["containers"] = model.workers.size();
  view["order"] = ordered.order;
  view["order_refused"] = ordered.refused;
  return view;
}

}  // namespace mayfly::control
