// Rows that stand for themselves: exits, events, the outcome of a write.
#include <cmath>
#include <nlohmann/json.hpp>

#include "agent/control/names.h"
#include "agent/control/views.h"

namespace mayfly::control {
namespace {

constexpr int kHistogramSteps = 136;
constexpr double kStepsPerDoubling = 8.0;

template <class T>
Json maybe(const std::optional<T>& value) {
  return value ? Json(*value) : Json();
}

}  // namespace

Json exit_view(const store::Exit& exit) {
  Json row;
  row["worker"] = exit.worker;
  row["pool"] = exit.pool;
  row["revision"] = exit.revision;
  row["slot"] = maybe(exit.slot);
  row["class"] = exit.exit_class;
  row["code"] = maybe(exit.code);
  row["signal"] = maybe(exit.signal);
  row["oom"] = exit.oom;
  row["reason"] = exit.reason;
  row["image"] = exit.image;
  row["ended_at"] = rfc3339(exit.ended_ms);
  row["ended_ms"] = exit.ended_ms;
  row["create_us"] = maybe(exit.create_us);
  row["hold_us"] = maybe(exit.hold_us);
  row["run_us"] = maybe(exit.run_us);
  row["gap_us"] = maybe(exit.gap_us);
  row["gap_decide_us"] = maybe(exit.gap_decide_us);
  row["gap_exec_us"] = maybe(exit.gap_exec_us);
  row["cpu_us"] = maybe(exit.cpu_us);
  row["memory_peak_bytes"] = maybe(exit.memory_peak_bytes);
  row["stderr_tail"] = exit.stderr_tail;
  return row;
}

Json event_view(const Operations& operations, const agent::NumberedTransition& event) {
  const core::Transition& transition = event.transition;
  Json row;
  row["number"] = event.number;
  row["at"] = rfc3339(event.unix_ms);
  row["at_ms"] = event.unix_ms;
  row["what"] = transition.what;
  row["pool"] = transition.pool;
  row["slot"] = maybe(transition.slot);
  row["worker"] = transition.worker
                      ? Json(operations.worker_name(transition.pool, *transition.worker))
                      : Json();
  row["revision"] = static_cast<std::uint32_t>(transition.revision);
  row["detail"] = transition.detail;
  return row;
}

Json apply_view(const ApplyResult& result) {
  Json changes = Json::array();
  for (const Change& change : result.changes) {
    changes.push_back({{"key", change.key}, {"from", change.from}, {"to", change.to}});
  }
  return {{"pool", result.pool},
          {"kind", name(result.kind)},
          {"new_revision", result.new_revision},
          {"revision", result.revision},
          {"changes", std::move(changes)},
          {"image", result.image},
          {"image_digest", result.image_digest},
          {"image_fault", result.image_fault}};
}

std::int64_t quantile_us(const std::vector<const agent::Histogram*>& parts, double q) {
  const auto counted = [&parts](core::Duration bound) {
    std::uint64_t sum = 0;
    for (const agent::Histogram* part : parts) sum += part->at_most(bound);
    return static_cast<double>(sum);
  };
  double total = 0;
  for (const agent::Histogram* part : parts) total += static_cast<double>(part->count());
  if (total == 0) return 0;
  // The histogram's own bounds and its interpolation, so that one pool gives what quantile() gives.
  double low_us = 0;
  double below = 0;
  for (int step = 0; step < kHistogramSteps; ++step) {
    const double bound_us = std::exp2(step / kStepsPerDoubling);
    const auto bound = core::Duration(static_cast<std::int64_t>(std::ceil(bound_us * 1000)));
    const double here = counted(bound) - below;
    if (here > 0 && below + here >= q * total) {
      return std::llround(low_us + (bound_us - low_us) * (q * total - below) / here);
    }
    below += here;
    low_us = bound_us;
  }
  return std::llround(low_us);
}

std::string render(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace mayfly::control
