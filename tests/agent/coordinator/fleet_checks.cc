// What must be true at any time, and when the faults are over.
#include <algorithm>
#include <set>

#include "tests/agent/coordinator/fleet_world.h"

namespace mayfly::coordinator {
namespace {

using namespace std::chrono_literals;

const Keys kKeys("/mayfly/main/");

/// By then all nodes have seen that etcd was restored.
constexpr Duration kForgotten = 5min;
/// Nothing that the nodes have not heard of by now.
constexpr Duration kHeard = 150s;
/// And by then have joined again: who was away waits before it does.
constexpr Duration kJoined = kHeard + 1min;
constexpr Duration kFullnessEvery = 1s;

std::optional<Claim> claim_at(const FakeEtcd& etcd, const std::string& key) {
  const FakeEtcd::Stored* stored = etcd.find(key);
  if (stored == nullptr) return std::nullopt;
  return claim_of({.key = key, .value = stored->value});
}

}  // namespace

void FleetWorld::violate(const std::string& invariant, const std::string& text) {
  if (!violation_) violation_ = Violation{invariant, text};
}

bool FleetWorld::are_claims_sure() const {
  const bool has_forgotten = restored_at_ != Time{} && now_ - restored_at_ < kForgotten;
  return !has_lies_ && !has_forgotten;
}

void FleetWorld::look() {
  follow_slots();
  for (const auto& node : nodes_) {
    if (!node->has_left()) look_at(*node);
  }
  if (std::exchange(is_anything_new_, false)) check_holders();
  if (!full_from_ || now_ < *full_from_ || now_ - looked_at_ < kFullnessEvery) return;
  looked_at_ = now_;
  for (const auto& node : nodes_) {
    if (node->has_left()) continue;
    node->forget_the_dead();
    node->look_for_fullness();
  }
}

void FleetWorld::look_at(SimulatedNode& node) {
  const bool is_in_touch = are_claims_sure() && node.is_awake(now_) && now_ >= node.cut_until &&
                           now_ >= node.deaf_until && now_ >= node.unanswered_until &&
                           node.session().state().blocked().empty();
  if (!is_in_touch) node.in_touch_since = core::kNever;
  if (is_in_touch) node.in_touch_since = std::min(node.in_touch_since, now_);
  for (const std::string& pool : std::exchange(node.begun, {})) check_lives(node, pool);
  for (const std::string& text : std::exchange(node.stopped, {})) violate("softly", text);
  const auto& violation = node.machine().scene.violation;
  if (violation) violate(violation->invariant, node.name() + ": " + violation->text);
}

void FleetWorld::follow_slots() {
  const std::pair as_of{etcd_.cluster(), etcd_.revision()};
  if (as_of == std::exchange(slots_as_of_, as_of)) return;
  std::map<std::string, std::string> holders;
  for (const etcd::KeyValue& kv : etcd_.list(kKeys.all_slots()).kvs) {
    const auto claim = claim_of(kv);
    holders[kv.key] = claim->instance;
    slots_[kv.key].pool = claim->pool;
  }
  for (auto& [key, slot] : slots_) {
    const auto found = holders.find(key);
    const std::string holder = found == holders.end() ? "" : found->second;
    const std::string before = std::exchange(slot.holder, holder);
    if (before != holder && !before.empty()) slot.lost_at[before] = now_;
    slot.lost_at.erase(holder);
  }
}

/// No two nodes may start a worker for one slot.
void FleetWorld::check_holders() {
  if (!are_claims_sure()) return;
  std::map<std::pair<std::string, std::uint32_t>, const SimulatedNode*> holders;
  for (const auto& node : nodes_) {
    if (!node->is_up()) continue;
    for (const auto& [pool, slots] : node->session().claims().slots()) {
      for (const std::uint32_t slot : slots) {
        if (!node->session().claims().holds(pool, slot, now_)) continue;
        const auto [other, is_first] = holders.emplace(std::pair(pool, slot), node.get());
        if (is_first) continue;
        violate("one-holder", pool + "/" + std::to_string(slot) + " is held by " +
                                  other->second->name() + " and " + node->name());
      }
    }
  }
}

/// A slot is new to a node only while etcd has its claim, under a lease that lives.
void FleetWorld::check_starts(const SimulatedNode& node, const Slots& before) {
  if (!are_claims_sure()) return;
  for (const auto& [pool, slots] : node.session().claims().slots()) {
    for (const std::uint32_t slot : slots) {
      const auto known = before.find(pool);
      if (known != before.end() && known->second.contains(slot)) continue;
      const auto claim = claim_at(etcd_, kKeys.slot(pool, slot));
      if (claim && claim->instance == node.instance()) continue;
      violate("claim-first", node.name() + " runs " + pool + "/" + std::to_string(slot) +
                                 " and does not have its claim");
    }
  }
}

/// What is lost is lost because etcd says so.
void FleetWorld::check_loss(const SimulatedNode& node, const Slots& before, bool is_ordered) {
  const bool is_in_touch = now_ - node.heard_at < 30s;
  if (is_in_touch || is_ordered || node.scheduling() != core::Scheduling::kOpen) return;
  if (node.session().claims().slots() == before) return;
  violate("loss-stops-nothing", node.name() + " gives up slots without a word of etcd");
}

/// Who is killed in the next moment comes back with what it ran.
void FleetWorld::check_kept(const SimulatedNode& node, const Slots& before) {
  if (node.session().claims().slots() == before || node.keeps_its_slots()) return;
  violate("kept", node.name() + " has other slots on disk than it runs");
}

/// A worker begins its life for a slot that the node has in etcd, or had until it could know
/// better.
void FleetWorld::check_lives(const SimulatedNode& node, const std::string& pool) {
  if (!are_claims_sure()) return;
  const auto entitled = std::count_if(slots_.begin(), slots_.end(), [&](const auto& each) {
    const Slot& slot = each.second;
    if (slot.pool != pool) return false;
    const auto lost = slot.lost_at.find(node.instance());
    if (lost == slot.lost_at.end()) return slot.holder == node.instance();
    if (node.in_touch_since == core::kNever) return true;
    return now_ - std::max(lost->second, node.in_touch_since) <= kHeard;
  });
  const std::uint32_t living = node.lives(pool);
  if (living <= entitled) return;
  violate("one-life", node.name() + " begins to run " + std::to_string(living) + " of " + pool +
                          " and has " + std::to_string(entitled) + " slots");
}

/// As long as a worker lives there is a claim for it.
void FleetWorld::check_release(const SimulatedNode& node, const std::string& pool) {
  const bool is_heard = !has_faults_ && now_ - calm_at_ > kHeard;
  const std::uint32_t living = node.lives(pool);
  const auto held = holders(pool)[node.instance()];
  if (!is_heard || held >= living) return;
  violate("life-before-claim", node.name() + " runs " + std::to_string(living) + " of " + pool +
                                   " and holds " + std::to_string(held));
}

/// Nobody takes more than its share. (What it ran all the time it may take back, and then gives
/// up.)
void FleetWorld::check_claim(const SimulatedNode& node, const std::string& pool) {
  if (has_faults_ || now_ - changed_at_ < kJoined) return;
  const SharedPool shared = this->shared(pool);
  const auto takers = static_cast<std::uint32_t>(std::count_if(
      nodes_.begin(), nodes_.end(), [&](const auto& each) { return takes(*each, shared); }));
  const std::uint32_t most = takers == 0 ? 0 : (shared.total + takers - 1) / takers;
  std::uint32_t held = 0;
  for (std::uint32_t slot = 0; slot < shared.total; ++slot) {
    const auto claim = claim_at(etcd_, kKeys.slot(pool, slot));
    if (claim && claim->instance == node.instance()) ++held;
  }
  if (held <= most) return;
  violate("share", node.name() + " takes " + std::to_string(held) + " of " + pool + ", not " +
                       std::to_string(most));
}

std::map<std::string, std::uint32_t> FleetWorld::holders(const std::string& pool) const {
  std::map<std::string, std::uint32_t> holders;
  for (const etcd::KeyValue& kv : etcd_.list(kKeys.all_slots()).kvs) {
    const auto claim = claim_of(kv);
    if (claim && claim->pool == pool) ++holders[claim->instance];
  }
  return holders;
}

SharedPool FleetWorld::shared(const std::string& pool) const {
  const config::FleetPool& document = pools_.at(pool);
  return {document.deleted ? 0 : document.total.value(), document.selector};
}

bool FleetWorld::takes(const SimulatedNode& node, const SharedPool& shared) const {
  return node.is_up() && node.scheduling() == core::Scheduling::kOpen &&
         node.is_selected_by(shared);
}

void FleetWorld::check_converged() {
  for (const auto& [pool, document] : pools_) check_pool(pool, shared(pool));
  for (const auto& node : nodes_) {
    if (!node->has_left()) check_node(*node);
  }
}

/// By itself as it is to be.
void FleetWorld::check_node(SimulatedNode& node) {
  const simulation::Node& machine = node.machine();
  const std::string why = node.machine().audit.unsettled(machine.agent.core());
  if (!why.empty()) violate("I6", node.name() + ": " + why);
  if (node.scheduling() != core::Scheduling::kDrained) return;
  const bool is_over = machine.agent.core()->model().node_state == core::NodeState::kDrained;
  if (is_over && machine.scene.truth.containers.empty()) return;
  violate("drained", node.name() + " has workers for ever");
}

/// As many live as there are slots, each node's as many as it holds.
void FleetWorld::check_pool(const std::string& pool, const SharedPool& shared) {
  const auto held = holders(pool);
  std::uint32_t all = 0;
  std::uint32_t least = shared.total;
  std::uint32_t most = 0;
  bool has_takers = false;
  for (const auto& node : nodes_) {
    const auto its = held.find(node->instance());
    const std::uint32_t count = its == held.end() ? 0 : its->second;
    const std::uint32_t living = node->lives(pool);
    all += living;
    if (living != count) {
      violate("converged", node->name() + " runs " + std::to_string(living) + " of " + pool +
                               " and holds " + std::to_string(count));
    }
    if (!takes(*node, shared)) {
      const bool keeps = node->scheduling() == core::Scheduling::kCordoned && !node->has_left();
      if (count != 0 && !keeps) violate("converged", node->name() + " keeps slots of " + pool);
      continue;
    }
    has_takers = true;
    least = std::min(least, count);
    most = std::max(most, count);
  }
  if (!has_takers) return;
  if (all != shared.total) {
    violate("converged", std::to_string(all) + " of " + pool + " live, and " +
                             std::to_string(shared.total) + " are wanted");
  }
  for (std::uint32_t slot = 0; slot < shared.total; ++slot) {
    if (etcd_.find(kKeys.slot(pool, slot)) == nullptr) {
      violate("converged", pool + "/" + std::to_string(slot) + " is nobody's");
    }
  }
  if (most - least > 1) violate("balanced", pool + " is spread unevenly");
}

}  // namespace mayfly::coordinator
