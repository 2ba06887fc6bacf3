// What etcd does with a write, and what must be true then and at any time.
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

std::optional<Claim> claim_at(const FakeEtcd& etcd, const std::string& key) {
  const FakeEtcd::Stored* stored = etcd.find(key);
  if (stored == nullptr) return std::nullopt;
  return claim_of({.key = key, .value = stored->value});
}

}  // namespace

std::optional<Event> FleetWorld::commit(SimulatedNode& node, const PutKey& put) {
  const FakeEtcd::Stored* there = etcd_.find(put.key);
  if ((there != nullptr ? there->mod_revision : 0) != put.expected_revision) {
    KeyConflicted conflicted{put.number, etcd_.revision(), std::nullopt};
    if (there != nullptr) conflicted.found = etcd_.key_value(put.key);
    return conflicted;
  }
  if (!etcd_.has_lease(put.lease)) {
    return KeyFailed{put.number, {etcd::ErrorKind::kNotFound, 5, "requested lease not found"}};
  }
  const bool is_new = there == nullptr;
  const auto revision = etcd_.put(put.key, put.value, put.lease);
  const auto claim = claim_of({.key = put.key, .value = put.value});
  const bool is_claim = claim && put.key == kKeys.slot(claim->pool, claim->slot);
  if (is_claim) ++counts_.claims;
  const auto kept = claim ? node.kept.find(claim->pool) : node.kept.end();
  const bool is_back = kept != node.kept.end() && kept->second.contains(claim->slot);
  if (is_claim && is_new && !is_back) check_claim(node, claim->pool);
  return KeyWritten{put.number, revision};
}

std::optional<Event> FleetWorld::commit(SimulatedNode& node, const DeleteKey& gone) {
  const FakeEtcd::Stored* there = etcd_.find(gone.key);
  if (there == nullptr || there->mod_revision != gone.expected_revision) {
    KeyConflicted conflicted{gone.number, etcd_.revision(), std::nullopt};
    if (there != nullptr) conflicted.found = etcd_.key_value(gone.key);
    return conflicted;
  }
  const auto claim = claim_at(etcd_, gone.key);
  etcd_.remove(gone.key);
  ++counts_.releases;
  check_release(node, claim->pool);
  return KeyWritten{gone.number, etcd_.revision()};
}

void FleetWorld::violate(const std::string& invariant, const std::string& text) {
  if (!violation_) violation_ = Violation{invariant, text};
}

bool FleetWorld::are_claims_sure() const {
  const bool has_forgotten = restored_at_ != Time{} && now_ - restored_at_ < kForgotten;
  return !has_lies_ && !has_forgotten;
}

/// No two nodes may start a worker for one slot.
void FleetWorld::check_holders() {
  if (!are_claims_sure()) return;
  std::map<std::pair<std::string, std::uint32_t>, const SimulatedNode*> holders;
  for (const auto& node : nodes_) {
    if (!node->is_up()) continue;
    for (const auto& [pool, slots] : node->session->claims().slots()) {
      for (const std::uint32_t slot : slots) {
        if (!node->session->claims().holds(pool, slot, now_)) continue;
        const auto [other, is_first] = holders.emplace(std::pair(pool, slot), node.get());
        if (is_first) continue;
        violate("one-holder", pool + "/" + std::to_string(slot) + " is held by " +
                                  other->second->name + " and " + node->name);
      }
    }
  }
}

/// A slot is new to a node only while etcd has its claim, under a lease that lives.
void FleetWorld::check_starts(const SimulatedNode& node, const Slots& before) {
  if (!are_claims_sure()) return;
  for (const auto& [pool, slots] : node.session->claims().slots()) {
    for (const std::uint32_t slot : slots) {
      const auto known = before.find(pool);
      if (known != before.end() && known->second.contains(slot)) continue;
      const auto claim = claim_at(etcd_, kKeys.slot(pool, slot));
      if (claim && claim->instance == node.instance) continue;
      violate("claim-first", node.name + " runs " + pool + "/" + std::to_string(slot) +
                                 " and does not have its claim");
    }
  }
}

/// What is lost is lost because etcd says so.
void FleetWorld::check_loss(const SimulatedNode& node, const Slots& before, bool is_ordered) {
  const bool is_in_touch = now_ - node.heard_at < 30s;
  if (is_in_touch || is_ordered || node.scheduling != kOpen) return;
  if (node.session->claims().slots() == before) return;
  violate("loss-stops-nothing", node.name + " gives up slots without a word of etcd");
}

/// As long as a worker lives there is a claim for it.
void FleetWorld::check_release(const SimulatedNode& node, const std::string& pool) {
  const bool is_heard = !has_faults_ && now_ - changed_at_ > kHeard;
  const auto lives = node.lives.find(pool);
  if (!is_heard || lives == node.lives.end()) return;
  const auto held = holders(pool)[node.instance];
  if (held >= lives->second.count) return;
  violate("life-before-claim", node.name + " runs " + std::to_string(lives->second.count) + " of " +
                                   pool + " and holds " + std::to_string(held));
}

/// Nobody takes more than its share. (What it ran all the time it may take back, and then gives
/// up.)
void FleetWorld::check_claim(const SimulatedNode& node, const std::string& pool) {
  if (has_faults_ || now_ - changed_at_ < kHeard) return;
  const SharedPool shared = pool_of_text(pools_.at(pool));
  const auto takers = static_cast<std::uint32_t>(std::count_if(
      nodes_.begin(), nodes_.end(), [&](const auto& each) { return takes(*each, shared); }));
  const std::uint32_t most = takers == 0 ? 0 : (shared.total + takers - 1) / takers;
  std::uint32_t held = 0;
  for (std::uint32_t slot = 0; slot < shared.total; ++slot) {
    const auto claim = claim_at(etcd_, kKeys.slot(pool, slot));
    if (claim && claim->instance == node.instance) ++held;
  }
  if (held <= most) return;
  violate("share", node.name + " takes " + std::to_string(held) + " of " + pool + ", not " +
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

bool FleetWorld::takes(const SimulatedNode& node, const SharedPool& shared) const {
  return node.is_up() && node.scheduling == kOpen &&
         selects(shared.selector, {{"zone", node.zone}});
}

void FleetWorld::check_converged() {
  for (const auto& [pool, text] : pools_) check_pool(pool, pool_of_text(text));
}

void FleetWorld::check_pool(const std::string& pool, const SharedPool& shared) {
  const auto held = holders(pool);
  std::uint32_t all = 0;
  std::uint32_t least = shared.total;
  std::uint32_t most = 0;
  bool has_takers = false;
  for (const auto& node : nodes_) {
    const auto its = held.find(node->instance);
    const std::uint32_t count = its == held.end() ? 0 : its->second;
    all += count;
    const auto lives = node->lives.find(pool);
    const std::uint32_t living = lives == node->lives.end() ? 0 : lives->second.count;
    if (living != count && !node->has_left) {
      violate("converged", node->name + " runs " + std::to_string(living) + " of " + pool +
                               " and holds " + std::to_string(count));
    }
    if (!takes(*node, shared)) {
      const bool keeps = node->scheduling == kCordoned && !node->has_left;
      if (count != 0 && !keeps) violate("converged", node->name + " keeps slots of " + pool);
      continue;
    }
    has_takers = true;
    least = std::min(least, count);
    most = std::max(most, count);
  }
  if (!has_takers) return;
  if (all != shared.total) {
    violate("converged", std::to_string(all) + " slots of " + pool + " are held, of " +
                             std::to_string(shared.total));
  }
  for (std::uint32_t slot = 0; slot < shared.total; ++slot) {
    if (etcd_.find(kKeys.slot(pool, slot)) == nullptr) {
      violate("converged", pool + "/" + std::to_string(slot) + " is nobody's");
    }
  }
  if (most - least > 1) violate("balanced", pool + " is spread unevenly");
}

}  // namespace mayfly::coordinator
