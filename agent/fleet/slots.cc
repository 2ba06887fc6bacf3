#include "agent/fleet/slots.h"

#include <algorithm>
#include <utility>

#include "agent/control/names.h"

namespace mayfly::fleet {

Slots::Slots(Allot allot, const core::Model& model, Shared shared)
    : allot_(std::move(allot)), model_(model), shared_(std::move(shared)) {}

void Slots::share(const std::string& pool, const coordinator::SharedPool& shared) {
  is_shared_new_ |= !shared_.contains(pool) || shared_[pool] != shared;
  shared_[pool] = shared;
  capped_.erase(pool);
}

void Slots::unshare(const std::string& pool) {
  is_shared_new_ |= shared_.erase(pool) != 0;
  allotted_.erase(pool);
  capped_.erase(pool);
}

void Slots::cap(const std::string& pool, std::uint32_t workers) {
  capped_[pool] = workers;
  allot_(pool, agent::Allotment{workers, core::Surplus::kStopped});
}

std::vector<coordinator::Event> Slots::news() {
  std::vector<coordinator::Event> events;
  if (std::exchange(is_shared_new_, false)) events.emplace_back(coordinator::PoolsShared{shared_});
  if (state_told_ != model_.node_state) {
    state_told_ = model_.node_state;
    events.emplace_back(coordinator::SchedulingChanged{std::string(control::name(state_told_))});
  }
  if (const auto now = places(); now && now != told_) {
    told_ = now;
    events.emplace_back(coordinator::PlacesChanged{*now});
  }
  return events;
}

bool Slots::has_news() const {
  if (is_shared_new_ || state_told_ != model_.node_state) return true;
  const auto now = places();
  return now && now != told_;
}

/// As many as the core may hold filled, or fill, with all that it has been told and is about to be.
std::optional<Slots::Places> Slots::places() const {
  if (!model_.adopted) return std::nullopt;
  Places places;
  for (const auto& [pool, allotted] : allotted_) places[pool] = allotted;
  for (const auto& [name, pool] : model_.pools) {
    if (!pool.dropped && !shared_.contains(name)) continue;  // a pool of this node's alone
    auto& count = places[name];
    count = std::max(count, static_cast<std::uint32_t>(pool.slots.size()));
    if (!pool.dropped) count = std::max(count, pool.settings.replicas);
  }
  return places;
}

void Slots::follow(const coordinator::Claims& claims) {
  for (const auto& [pool, shared] : shared_) {
    if (capped_.contains(pool)) continue;
    const std::uint32_t workers = claims.workers(pool);
    allotted_[pool] = workers;
    allot_(pool, agent::Allotment{workers});
  }
}

}  // namespace mayfly::fleet
