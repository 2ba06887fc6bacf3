#include "tests/agent/coordinator/fleet_world.h"

#include <algorithm>

namespace mayfly::coordinator {
namespace {

using namespace std::chrono_literals;

const Keys kKeys("/mayfly/main/");
constexpr std::size_t kNodesMax = 6;

bool is_word_of_etcd(const Event& event) {
  return std::holds_alternative<Listed>(event) || std::holds_alternative<WatchHeard>(event) ||
         std::holds_alternative<LeaseGranted>(event) || std::holds_alternative<LeaseKept>(event) ||
         std::holds_alternative<KeyWritten>(event) || std::holds_alternative<KeyConflicted>(event);
}

}  // namespace

FleetWorld::FleetWorld(std::uint64_t seed) : random_(seed) {
  has_lies_ = below(10) == 0;
  has_long_cuts_ = below(40) == 0;
  end_ = now_ + 8min;
  put_pool("a");
  if (below(2) == 0) put_pool("b");
  const int nodes = 3 + below(2);
  for (int i = 0; i < nodes; ++i) join();
}

std::optional<Violation> FleetWorld::run() {
  while (now_ < end_ && !violation_) turn();
  calm();
  for (const Time end = now_ + 12min; now_ < end && !violation_;) turn();
  if (!violation_) check_converged();
  return violation_;
}

void FleetWorld::turn() {
  Time next = next_act_;
  for (const auto& node : nodes_) next = std::min(next, node->due());
  if (!late_.empty()) next = std::min(next, late_.begin()->first);
  now_ = std::max(now_, next);
  etcd_.expire(now_);
  while (!late_.empty() && late_.begin()->first <= now_) {
    const auto [node, action] = late_.begin()->second;
    late_.erase(late_.begin());
    if (const auto* put = std::get_if<PutKey>(&action)) (void)commit(*node, *put);
    if (const auto* gone = std::get_if<DeleteKey>(&action)) (void)commit(*node, *gone);
  }
  if (now_ >= next_act_) act();
  for (const auto& node : nodes_) {
    if (node->has_left) continue;
    node->let_end(now_, [this] { return 1s + some(15s); });
    if (node->is_up()) step(*node);
  }
  if (std::exchange(is_anything_new_, false)) check_holders();
}

void FleetWorld::step(SimulatedNode& node) {
  const bool is_due =
      node.wake_at <= now_ || (!node.coming.empty() && node.coming.begin()->first <= now_);
  if (!is_due && node.fed_at == etcd_.revision()) return;
  std::vector<Event> events;
  while (!node.coming.empty() && node.coming.begin()->first <= now_) {
    events.push_back(std::move(node.coming.begin()->second));
    node.coming.erase(node.coming.begin());
  }
  feed_watches(node, events);
  if (std::any_of(events.begin(), events.end(), is_word_of_etcd)) node.heard_at = now_;
  const bool is_ordered = node.is_scheduling_new || node.is_shared_new;
  node.add_news(events);
  if (events.empty() && now_ < node.wake_at) return;
  ++counts_.steps;
  is_anything_new_ = true;
  const Slots before = node.session->claims().slots();
  const Decision decision = node.session->step(now_, events);
  node.wake_at = decision.wake_at;
  for (const std::string& pool : decision.changed) {
    node.shared[pool] = pool_of_text(node.session->state().baseline().documents.at(pool).value);
    node.is_shared_new = true;
    node.wake_at = now_;
  }
  node.follow();
  if (node.session->claims().slots() != before) node.wake_at = now_;  // the places are others
  check_starts(node, before);
  check_loss(node, before, is_ordered);
  for (const Action& action : decision.actions) {
    std::visit([&](const auto& each) { perform(node, each); }, action);
  }
}

// ---- what people and the world do

void FleetWorld::act() {
  next_act_ = now_ + 200ms + some(4s);
  if (!has_faults_) return;
  switch (below(3)) {
    case 0:
      return act_on_node();
    case 1:
      return act_on_etcd();
    default:
      if (chance(15)) cut();
  }
}

void FleetWorld::act_on_node() {
  SimulatedNode& node = *nodes_[static_cast<std::size_t>(below(static_cast<int>(nodes_.size())))];
  if (node.has_left) return;
  if (!node.is_up()) {
    if (chance(20)) node.start(kKeys, random_(), kTtlS);
    return;
  }
  if (chance(6)) return node.crash();
  if (chance(2)) {
    node.crash();
    node.lives.clear();
    node.has_left = true;
    changed_at_ = now_;
    return;
  }
  if (chance(4)) {
    static constexpr const char* kStates[] = {"open", "cordoned", "draining", "drained"};
    node.scheduling = kStates[below(4)];
    node.is_scheduling_new = true;
    node.wake_at = now_;
    changed_at_ = now_;
  }
  if (chance(8) && nodes_.size() < kNodesMax) join();
}

void FleetWorld::act_on_etcd() {
  if (chance(10)) put_pool("a");
  if (chance(5)) put_pool("b");
  if (chance(5)) etcd_.compact();
  if (chance(2)) backup_ = etcd_;
  if (chance(1) && backup_) {
    etcd_.restore(now_, *backup_);
    for (const auto& node : nodes_) node->fed_at = 0;
    restored_at_ = now_;
  }
  if (chance(1)) etcd_.put(kKeys.epoch(), std::to_string(++epoch_));
  if (!chance(5)) return;
  // The leader changes: the watches of all end.
  for (const auto& node : nodes_) {
    for (const auto& [number, watching] : std::exchange(node->watches, {})) {
      const etcd::Error error{etcd::ErrorKind::kFailed, 14, "etcdserver: no leader"};
      arrive(*node, WatchEnded{number, error});
    }
  }
}

void FleetWorld::cut() {
  const bool is_long = has_long_cuts_ && chance(20);
  const Duration length = is_long ? Duration(24h) : some(3min);
  const bool is_all = chance(20);
  const auto one = static_cast<std::size_t>(below(static_cast<int>(nodes_.size())));
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    if (!is_all && i != one) continue;
    (chance(30) ? nodes_[i]->deaf_until : nodes_[i]->cut_until) = now_ + length;
  }
  if (is_long) end_ = std::max(end_, now_ + length + 1min);
  if (is_long) next_act_ = now_ + length;
  if (is_long) has_long_cuts_ = false;
}

void FleetWorld::join() {
  auto node = std::make_unique<SimulatedNode>();
  node->name = "n" + std::to_string(nodes_.size());
  node->instance = "i" + std::to_string(nodes_.size());
  node->zone = below(2) == 0 ? "x" : "y";
  node->start(kKeys, random_(), kTtlS);
  nodes_.push_back(std::move(node));
  changed_at_ = now_;
}

void FleetWorld::put_pool(const std::string& pool) {
  std::string text = std::to_string(below(13));
  if (pool == "b") text += below(2) == 0 ? " x" : " y";
  pools_[pool] = text;
  etcd_.put(kKeys.pool(pool), text);
  changed_at_ = now_;
}

/// Somebody mends all that is broken, and one node joins.
void FleetWorld::calm() {
  has_faults_ = false;
  etcd_.put(kKeys.epoch(), std::to_string(++epoch_));
  for (const auto& [pool, text] : pools_) etcd_.put(kKeys.pool(pool), text);
  for (const auto& node : nodes_) {
    node->cut_until = node->deaf_until = Time{};
    node->fed_at = 0;
    if (!node->is_up() && !node->has_left) node->start(kKeys, random_(), kTtlS);
  }
  join();
  changed_at_ = now_;
}

// ---- etcd, as a node sees it

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
  if (!node.is_up() || chance(1)) return;  // it never does
  if (chance(4)) node.coming.emplace(now_ + some(30s), event);
  node.coming.emplace(now_ + 1ms + some(chance(8) ? Duration(4s) : Duration(20ms)),
                      std::move(event));
}

void FleetWorld::feed_watches(SimulatedNode& node, std::vector<Event>& events) {
  if (now_ < node.cut_until || now_ < node.deaf_until) return;
  node.fed_at = etcd_.revision();
  for (auto each = node.watches.begin(); each != node.watches.end();) {
    auto& [number, watching] = *each;
    const auto changes = etcd_.changes(watching.range, watching.from);
    if (watching.cluster != etcd_.cluster() || !changes) {
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
  node.watches[watch.number] = {watch.range, watch.from, etcd_.cluster()};
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

}  // namespace mayfly::coordinator
