// etcd, as a node sees it: what becomes of what it asks, and what it hears of.
#include <algorithm>

#include "tests/agent/coordinator/fleet_world.h"

namespace mayfly::coordinator {
namespace {

using namespace std::chrono_literals;

const Keys kKeys("/mayfly/main/");

std::optional<Claim> claim_at(const FakeEtcd& etcd, const std::string& key) {
  const FakeEtcd::Stored* stored = etcd.find(key);
  if (stored == nullptr) return std::nullopt;
  return claim_of({.key = key, .value = stored->value});
}

}  // namespace

FleetWorld::Fate::Kind FleetWorld::fate(const SimulatedNode& node) {
  if (now_ < node.cut_until || chance(4)) return Fate::Kind::kNotDone;
  if (chance(3)) return Fate::Kind::kDoneUnsaid;
  if (chance(2)) return Fate::Kind::kDoneLater;
  return Fate::Kind::kDone;
}

etcd::Error FleetWorld::error_of(Fate::Kind fate) {
  if (fate == Fate::Kind::kNotDone) return {etcd::ErrorKind::kFailed, etcd::kNoCode, "no answer"};
  return {etcd::ErrorKind::kUnknown, 14, "request timed out"};
}

void FleetWorld::arrive(SimulatedNode& node, Event event) {
  if (!node.is_up()) return;
  if (chance(1)) return lose(node, event);
  if (chance(4)) node.coming.emplace(now_ + some(30s), event);
  node.coming.emplace(now_ + 1ms + some(chance(8) ? Duration(4s) : Duration(20ms)),
                      std::move(event));
}

void FleetWorld::lose(SimulatedNode& node, const Event& event) {
  const bool is_answer =
      !std::holds_alternative<WatchHeard>(event) && !std::holds_alternative<ReportWritten>(event);
  if (is_answer) node.unanswered_until = now_ + Question::kPatience;
}

void FleetWorld::feed_watches(SimulatedNode& node, std::vector<Event>& events) {
  if (now_ < node.cut_until || now_ < node.deaf_until) return;
  node.fed_at = etcd_.revision();
  for (auto each = node.watches.begin(); each != node.watches.end();) {
    auto& [number, watching] = *each;
    const auto changes = etcd_.changes(watching.range, watching.from);
    if (watching.life != etcd_.life() || !changes) {
      const etcd::Error error{etcd::ErrorKind::kRefused, 11, "compacted"};
      arrive(node, WatchEnded{number, error});
      each = node.watches.erase(each);
      continue;
    }
    watching.from = etcd_.revision() + 1;
    etcd::WatchNews news{.changes = *changes};
    if (!news.changes.empty()) {
      if (chance(15)) std::shuffle(news.changes.begin(), news.changes.end(), random_);
      if (chance(15)) arrive(node, WatchHeard{number, news});  // twice, the second time late
      events.emplace_back(WatchHeard{number, std::move(news)});
    }
    ++each;
  }
}

void FleetWorld::perform(SimulatedNode& node, const List& list) {
  const Fate::Kind kind = fate(node);
  if (kind != Fate::Kind::kDone) return arrive(node, ListFailed{list.number, error_of(kind)});
  arrive(node, Listed{list.number, etcd_.list(list.range)});
}

void FleetWorld::perform(SimulatedNode& node, const Watch& watch) {
  node.watches[watch.number] = {watch.range, watch.from, etcd_.life()};
  node.fed_at = 0;
  if (fate(node) == Fate::Kind::kDone) return;
  node.watches.erase(watch.number);
  arrive(node, WatchEnded{watch.number, error_of(Fate::Kind::kNotDone)});
}

void FleetWorld::perform(SimulatedNode& node, const StopWatch& stop) {
  node.watches.erase(stop.number);
}

void FleetWorld::perform(SimulatedNode& node, const GrantLease& grant) {
  const Fate::Kind kind = fate(node);
  const bool is_done = kind != Fate::Kind::kNotDone;
  const std::int64_t id = is_done ? etcd_.grant(now_, grant.ttl_s) : 0;
  if (kind != Fate::Kind::kDone) return arrive(node, GrantFailed{grant.number, error_of(kind)});
  arrive(node, LeaseGranted{grant.number, {.id = id, .ttl_s = grant.ttl_s}});
}

void FleetWorld::perform(SimulatedNode& node, const KeepLease& keep) {
  const Fate::Kind kind = fate(node);
  if (kind == Fate::Kind::kNotDone) return arrive(node, KeepFailed{keep.number, error_of(kind)});
  const bool is_lie = has_lies_ && chance(3);
  const std::int64_t ttl = is_lie ? kTtlS : etcd_.keep(now_, keep.lease);
  if (kind != Fate::Kind::kDone) return arrive(node, KeepFailed{keep.number, error_of(kind)});
  arrive(node, LeaseKept{keep.number, {.id = keep.lease, .ttl_s = ttl}});
}

void FleetWorld::perform(SimulatedNode& node, const WriteReport& write) {
  arrive(node, ReportWritten{write.number, etcd_.revision()});
}

template <class Write>
void FleetWorld::write(SimulatedNode& node, const Write& what) {
  const Fate::Kind kind = fate(node);
  if (kind == Fate::Kind::kDone) return arrive(node, commit(node, what).value());
  if (kind == Fate::Kind::kDoneUnsaid) (void)commit(node, what);
  if (kind == Fate::Kind::kDoneLater) late_.emplace(now_ + some(20s), std::pair(&node, what));
  arrive(node, KeyFailed{what.number, error_of(kind)});
}

void FleetWorld::perform(SimulatedNode& node, const PutKey& put) {
  write(node, put);
}

void FleetWorld::perform(SimulatedNode& node, const DeleteKey& gone) {
  write(node, gone);
}

// ---- what etcd does with a write

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
  note("etcd has ", put.key, " of ", node.name(), " under the lease ", put.lease);
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
  note("etcd has no ", gone.key, " any more, says ", node.name());
  check_release(node, claim->pool);
  return KeyWritten{gone.number, etcd_.revision()};
}

}  // namespace mayfly::coordinator
