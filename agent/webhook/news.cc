#include "agent/webhook/news.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "agent/control/names.h"

namespace mayfly::webhook {
namespace {

using Kind = config::WebhookEvent;

constexpr const char* kLost = "lost";  // as control::CoordinatorStatus has it
constexpr const char* kConnected = "connected";

Event about(Kind kind, const core::PoolSettings& settings) {
  return {.kind = kind,
          .pool = settings.name,
          .texts = {{"state", settings.paused ? "paused" : "running"}},
          .numbers = {{"revision", static_cast<std::uint32_t>(settings.revision)},
                      {"replicas", settings.replicas}}};
}

/// The slot that has stood empty for longest, if that is too long.
std::optional<core::SlotIndex> neglected(const core::Pool& pool, core::Time now) {
  std::optional<core::SlotIndex> found;
  for (const auto& [index, slot] : pool.slots) {
    if (slot.worker || slot.leaving || now - slot.free_since < News::kEmptyMax) continue;
    if (!found || slot.free_since < pool.slots.at(*found).free_since) found = index;
  }
  return found;
}

Event degraded(const View& view, const core::Pool& pool, core::SlotIndex slot) {
  Event event = about(Kind::kPoolDegraded, pool.settings);
  const core::EmptySlot why = view.why(pool.settings.name, slot);
  const auto empty = std::count_if(pool.slots.begin(), pool.slots.end(),
                                   [](const auto& each) { return !each.second.worker; });
  event.texts.emplace_back("reason", control::name(why.reason));
  event.texts.emplace_back("detail", why.detail);
  event.numbers.emplace_back("empty", empty);
  return event;
}

}  // namespace

std::vector<Event> News::look(const View& view) {
  std::vector<Event> events;
  look_at_node(view, events);
  look_at_pools(view, events);
  if (!std::exchange(has_looked_, true)) events.clear();
  return events;
}

void News::look_at_node(const View& view, std::vector<Event>& events) {
  if (view.model.runtime_up != std::exchange(runtime_up_, view.model.runtime_up)) {
    const Kind kind = runtime_up_ ? Kind::kRuntimeFound : Kind::kRuntimeLost;
    events.push_back({kind, "", {}, {}});
    if (!runtime_up_) events.back().texts = {{"error", view.model.runtime_fault}};
  }
  if (view.coordinator == kLost && !std::exchange(coordinator_lost_, true)) {
    events.push_back({Kind::kCoordinatorLost, "", {}, {}});
  }
  if (view.coordinator == kConnected && std::exchange(coordinator_lost_, false)) {
    events.push_back({Kind::kCoordinatorFound, "", {}, {}});
  }
}

void News::look_at_pools(const View& view, std::vector<Event>& events) {
  const auto is_here = [&view](const core::PoolName& name) {
    const auto found = view.model.pools.find(name);
    return found != view.model.pools.end() && !found->second.dropped;
  };
  std::erase_if(pools_, [&](const auto& each) {
    if (is_here(each.first)) return false;
    events.push_back(about(Kind::kPoolDeleted, each.second.settings));
    return true;
  });
  for (const auto& [name, pool] : view.model.pools) {
    if (pool.dropped) continue;
    PoolSeen& seen = pools_[name];
    if (seen.settings != pool.settings) {
      seen.settings = pool.settings;
      events.push_back(about(Kind::kPoolApplied, pool.settings));
    }
    judge(view, seen, events);
  }
}

void News::judge(const View& view, PoolSeen& seen, std::vector<Event>& events) {
  const core::Pool& pool = view.model.pools.at(seen.settings.name);
  if (seen.settings.paused || !view.model.adopted || view.model.host_shutdown) return;
  if (const auto slot = neglected(pool, view.now)) {
    seen.troubled = view.now;
    if (!std::exchange(seen.is_degraded, true)) events.push_back(degraded(view, pool, *slot));
    return;
  }
  if (!seen.is_degraded || view.now - seen.troubled < kCalm) return;
  seen.is_degraded = false;
  events.push_back(about(Kind::kPoolRecovered, pool.settings));
}

}  // namespace mayfly::webhook
