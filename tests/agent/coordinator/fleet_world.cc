#include "tests/agent/coordinator/fleet_world.h"

#include <algorithm>

#include "agent/core/node.h"
#include "tests/simulation/world.h"

namespace mayfly::coordinator {
namespace {

using namespace std::chrono_literals;

const Keys kKeys("/mayfly/main/");

bool is_word_of_etcd(const Event& event) {
  return std::holds_alternative<Listed>(event) || std::holds_alternative<WatchHeard>(event) ||
         std::holds_alternative<LeaseGranted>(event) || std::holds_alternative<LeaseKept>(event) ||
         std::holds_alternative<KeyWritten>(event) || std::holds_alternative<KeyConflicted>(event);
}

}  // namespace

FleetWorld::Counts& FleetWorld::Counts::operator+=(const Counts& other) {
  steps += other.steps;
  claims += other.claims;
  releases += other.releases;
  lives += other.lives;
  runs += other.runs;
  return *this;
}

FleetWorld::FleetWorld(std::uint64_t seed, Detail detail) : random_(seed), detail_(detail) {
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
  run_until(now_ + 6min);
  join();
  run_until(now_ + 10min);
  note("no worker ends any more");
  for (const auto& node : nodes_) node->come_to_rest();
  run_until(now_ + 3min);
  if (!violation_) check_converged();
  for (const auto& node : nodes_) {
    counts_.lives += node->machine().scene.truth.fates.size();
    counts_.runs += node->machine().scene.truth.runs;
  }
  return violation_;
}

void FleetWorld::run_until(Time end) {
  while (now_ < end && !violation_) turn();
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
    advance(*node);
    if (node->is_awake(now_)) step(*node);
  }
  look();
}

void FleetWorld::advance(SimulatedNode& node) {
  node.advance(now_);
  if (detail_ == Detail::kSilent) return;
  for (const std::string& line : node.machine().scene.trace.take_lines()) {
    story_.push_back(line + "  @" + node.name());
  }
}

/// What it hears by now. False: it has no reason to take a turn.
bool FleetWorld::gather(SimulatedNode& node, std::vector<Event>& events) {
  const bool is_due =
      node.wake_at <= now_ || (!node.coming.empty() && node.coming.begin()->first <= now_);
  if (!is_due && node.fed_at == etcd_.revision()) return false;
  while (!node.coming.empty() && node.coming.begin()->first <= now_) {
    events.push_back(std::move(node.coming.begin()->second));
    node.coming.erase(node.coming.begin());
  }
  feed_watches(node, events);
  if (std::any_of(events.begin(), events.end(), is_word_of_etcd)) node.heard_at = now_;
  return !events.empty() || node.wake_at <= now_;
}

void FleetWorld::step(SimulatedNode& node) {
  std::vector<Event> events;
  if (!gather(node, events)) return;
  ++counts_.steps;
  is_anything_new_ = true;
  const Slots before = node.session().claims().slots();
  const std::size_t heard = events.size();
  const auto [decision, is_ordered] = node.step(now_, std::move(events));
  note(node.name(), " takes a turn: ", heard, " heard, ", decision.actions.size(), " asked, ",
       decision.changed.size(), " documents");
  if (detail_ == Detail::kFull) {
    for (const std::string& alarm : node.session().alarms()) note("  alarm: ", alarm);
  }
  check_starts(node, before);
  check_loss(node, before, is_ordered);
  check_kept(node, before);
  for (const Action& action : decision.actions) {
    std::visit([&](const auto& each) { perform(node, each); }, action);
  }
}

// ---- what people and the world do

void FleetWorld::act() {
  next_act_ = now_ + 200ms + some(4s);
  if (long_cut_until_ != Time{}) return end_long_cut();
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
  if (node.has_left()) return;
  if (!node.is_up()) {
    if (chance(20)) node.start();
    return;
  }
  if (chance(6)) {
    note(node.name(), " is killed");
    return node.crash();
  }
  if (chance(2)) {
    note(node.name(), " leaves for ever");
    node.leave();
    changed_at_ = now_;
    return;
  }
  if (chance(4)) order(node);
  if (chance(8) && nodes_.size() < kNodesMax) join();
}

void FleetWorld::order(SimulatedNode& node) {
  core::NodeSettings settings;
  switch (below(4)) {
    case 0:
      if (node.scheduling() != core::Scheduling::kOpen) return;
      settings.scheduling = core::Scheduling::kCordoned;
      settings.kept = core::slots_to_keep(node.machine().agent.core()->model());
      break;
    case 1:
      settings = {.scheduling = core::Scheduling::kDrained};
      break;
    case 2:
      settings = {.scheduling = core::Scheduling::kDrained, .drain_until = now_ + some(2min)};
      break;
    default:
      break;
  }
  note(node.name(), " is ordered otherwise");
  node.order(settings);
  changed_at_ = now_;
}

void FleetWorld::act_on_etcd() {
  if (chance(10)) put_pool("a");
  if (chance(5)) put_pool("b");
  if (chance(5)) etcd_.compact();
  if (chance(2)) backup_ = etcd_;
  if (chance(1) && backup_) {
    note("etcd is restored");
    const bool is_same = below(2) == 0;
    etcd_.restore(now_, *backup_, is_same ? FakeEtcd::Identity::kSame : FakeEtcd::Identity::kOther);
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
    note(nodes_[i]->name(), " is cut off");
  }
  if (is_long) begin_long_cut(now_ + length);
}

/// The nodes themselves are well meanwhile, so that their pools are to be full.
void FleetWorld::begin_long_cut(Time until) {
  has_long_cuts_ = false;
  long_cut_until_ = next_act_ = until;
  end_ = std::max(end_, until + 1min);
  for (const auto& node : nodes_) {
    if (!node->has_left()) node->heal();
  }
  demand_fullness();
}

void FleetWorld::end_long_cut() {
  long_cut_until_ = Time{};
  full_from_.reset();
  for (const auto& node : nodes_) {
    if (!node->has_left()) node->ail();
  }
}

void FleetWorld::join() {
  const std::string number = std::to_string(nodes_.size());
  SimulatedNode::Options options{.name = "n" + number, .instance = "i" + number};
  options.zone = below(2) == 0 ? "x" : "y";
  options.shrink_max_percent = static_cast<std::uint32_t>(25 + below(76));
  options.seed = random_();
  options.start = now_;
  options.detail = detail_;
  nodes_.push_back(std::make_unique<SimulatedNode>(options));
  if (!has_faults_) nodes_.back()->heal();
  changed_at_ = now_;
  note(options.name, " joins");
}

void FleetWorld::put_pool(const std::string& pool) {
  config::FleetPool document;
  document.pool.name = pool;
  document.pool.replicas = 0;
  document.pool.worker.image = "image:" + std::to_string(below(3));
  document.pool.standby = static_cast<std::uint32_t>(below(3));
  document.pool.lifetime.stop_grace = 1s + std::chrono::milliseconds(below(10'000));
  document.total = static_cast<std::uint32_t>(below(13));
  if (pool == "b") document.selector["zone"] = below(2) == 0 ? "x" : "y";
  document.deleted = pool == "b" && chance(20);
  pools_[pool] = document;
  note("the document of ", pool, ": ", config::to_json(document));
  etcd_.put(kKeys.pool(pool), config::to_json(document));
  if (chance(10)) etcd_.put(kKeys.pool(pool), "{");  // somebody's finger slips
  changed_at_ = now_;
}

/// Somebody mends all that is broken, and a node joins; another does later.
void FleetWorld::calm() {
  note("the faults are over");
  has_faults_ = false;
  etcd_.put(kKeys.epoch(), std::to_string(++epoch_));
  for (const auto& [pool, document] : pools_) {
    etcd_.put(kKeys.pool(pool), config::to_json(document));
  }
  for (const auto& node : nodes_) {
    node->cut_until = node->deaf_until = Time{};
    node->fed_at = 0;
    if (!node->has_left()) node->heal();
  }
  join();
  calm_at_ = now_;
  demand_fullness();
}

void FleetWorld::demand_fullness() {
  Duration wait{};
  for (const auto& node : nodes_) {
    wait = std::max(wait, simulation::draw_bounds(node->machine().scene).full);
  }
  full_from_ = now_ + wait;
}

}  // namespace mayfly::coordinator
