#include "agent/fleet/membership.h"

#include <algorithm>
#include <chrono>

namespace mayfly::fleet {
namespace {

using namespace std::chrono_literals;

coordinator::Claims::Self self_of(const Membership::Origin& origin) {
  const auto ttl = std::chrono::duration_cast<std::chrono::seconds>(origin.config.claim_ttl);
  return {.node = origin.node,
          .instance = origin.instance,
          .labels = origin.labels,
          .ttl_s = ttl.count(),
          .kept = slots_of(origin.rows, origin.config.cluster)};
}

}  // namespace

Membership::Membership(const Origin& origin, const core::Model& model, Slots::Allot allot)
    : cluster_(origin.config.cluster),
      session_(keys_of(origin.config), baseline_of(origin.rows, cluster_), origin.seed,
               self_of(origin)),
      slots_(std::move(allot), model, known_shared(origin.rows, origin.labels)),
      brake_(origin.config.shrink_max_percent),
      kept_(to_be_kept()) {
  for (const agent::Desired::FromFleet& known : origin.known) {
    const auto allotted = known.allotted().value_or(agent::Allotment{known.pool.replicas});
    brake_.set(known.pool.name, allotted.workers);
  }
}

Membership::Stepped Membership::step(core::Time now, std::vector<coordinator::Event> events) {
  for (coordinator::Event& news : slots_.news()) events.push_back(std::move(news));
  Stepped stepped;
  stepped.decision = session_.step(now, events);
  slots_.follow(session_.claims());
  for (const auto& [pool, shared] : slots_.shared()) {
    if (!brake_.braked().contains(pool)) brake_.set(pool, session_.claims().workers(pool));
  }
  stepped.row = row_to_keep();
  return stepped;
}

Membership::Kept Membership::to_be_kept() const {
  const coordinator::Baseline& baseline = session_.state().baseline();
  return {{baseline.cluster, baseline.epoch}, session_.claims().slots()};
}

std::optional<store::FleetDocument> Membership::row_to_keep() {
  Kept kept = to_be_kept();
  if (kept == kept_) return std::nullopt;
  kept_ = std::move(kept);
  return baseline_row(session_.state().baseline(), cluster_, kept_.second);
}

bool Membership::shrink_to_nothing(const std::string& pool, core::Time now) {
  const std::uint32_t left = brake_.limit(pool, 0, now);
  if (left == 0) return true;
  slots_.cap(pool, left);
  return false;
}

/// A document that is refused by now keeps its pool braked, and is no reason to spin.
core::Time Membership::shrinks_at(core::Time now) const {
  return brake_.due() == core::kNever ? core::kNever : std::max(brake_.due(), now + 1s);
}

}  // namespace mayfly::fleet
