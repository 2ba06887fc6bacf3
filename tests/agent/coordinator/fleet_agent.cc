#include "tests/agent/coordinator/fleet_agent.h"

#include <algorithm>

namespace mayfly::coordinator {
namespace {

using namespace std::chrono_literals;

constexpr Duration kLately = 10min;

void put(fleet::Documents& rows, store::FleetDocument row) {
  const auto found = std::find_if(rows.begin(), rows.end(),
                                  [&](const auto& each) { return each.pool == row.pool; });
  if (found == rows.end()) return rows.push_back(std::move(row));
  *found = std::move(row);
}

agent::Catalog catalog_of(const Disk& disk, const config::Daemon& config) {
  agent::Catalog catalog;
  (void)catalog.restore(disk.revisions);
  for (const agent::Desired::FromFleet& known : fleet::known_pools(config, disk.documents)) {
    const std::string& name = known.pool.name;
    catalog.allot(name, known.allotted());
    catalog.put(known.pool, known.source, catalog.plan(known.pool, "", 0));
    catalog.find(name)->paused_by_fleet = known.paused;
  }
  return catalog;
}

/// Those of pools that are spread end by themselves, or a surplus would never go.
simulation::Habits habits_of_a_pool(simulation::Random& random) {
  simulation::Habits habits = simulation::draw_habits(random);
  habits.life_min = random.spread(2s, 20s);
  habits.life_max = habits.life_min + random.spread(5s, 40s);
  habits.endless = 0;
  habits.at_once = std::min(habits.at_once, 0.05);
  return habits;
}

void want(simulation::Scene& scene, core::PoolSettings settings) {
  const auto [wanted, is_new] = scene.truth.wanted.try_emplace(settings.name);
  if (is_new) wanted->second.habits = habits_of_a_pool(scene.random);
  wanted->second.settings = std::move(settings);
}

}  // namespace

void FleetAgent::restore(const Parts& parts) {
  const agent::Catalog catalog = catalog_of(parts.disk, parts.config);
  simulation::Scene& scene = parts.node.scene;
  std::erase_if(scene.truth.wanted,
                [&](const auto& each) { return catalog.find(each.first) == nullptr; });
  for (const auto& [name, pool] : catalog.pools()) want(scene, catalog.settings(name));
}

FleetAgent::FleetAgent(Parts parts, const std::string& instance, std::uint64_t seed)
    : parts_(parts),
      keys_(fleet::keys_of(parts.config.coordinator)),
      catalog_(catalog_of(parts.disk, parts.config)),
      membership_({.config = parts.config.coordinator,
                   .node = parts.config.node.name,
                   .instance = instance,
                   .labels = parts.config.node.labels,
                   .seed = seed,
                   .rows = parts.disk.documents,
                   .known = fleet::known_pools(parts.config, parts.disk.documents)},
                  parts.node.agent.core()->model(),
                  [this](const auto& pool, const auto& allotted) { allot(pool, allotted); }) {
  for (const auto& [name, pool] : catalog_.pools()) {
    write([this, row = pool.revisions.back().row] { save(row); });
  }
}

FleetAgent::Stepped FleetAgent::step(Time now, std::vector<Event> events) {
  for (Event& posted : std::exchange(events_, {})) events.push_back(std::move(posted));
  const std::pair ordered{membership_.shared(), parts_.node.agent.core()->model().node_state};
  const bool is_ordered = ordered != std::exchange(ordered_, ordered);
  auto [decision, row] = membership_.step(now, std::move(events));
  if (row) write([this, row = std::move(*row)] { put(parts_.disk.documents, row); });
  for (const std::string& pool : decision.changed) consider(pool);
  return {std::move(decision), is_ordered};
}

bool FleetAgent::keeps_its_slots() const {
  const Slots kept = fleet::slots_of(parts_.disk.documents, parts_.config.coordinator.cluster);
  return written_at_ >= now() || kept == session().claims().slots();
}

bool FleetAgent::is_leaving(const std::string& pool) const {
  const auto left = left_.find(pool);
  return catalog_.find(pool) == nullptr || (left != left_.end() && now() - left->second < kLately);
}

/// What the disk takes is there some time later, in the order in which it was given.
void FleetAgent::write(std::function<void()> what) {
  simulation::Scene& scene = parts_.node.scene;
  const Duration slow = scene.random.chance(0.05) ? scene.random.spread(10ms, 5s) : Duration(0);
  written_at_ = std::max(written_at_, scene.now()) + scene.random.between(100us, 5ms) + slow;
  scene.agenda.at(written_at_, [alive = std::weak_ptr(alive_), what = std::move(what)] {
    if (!alive.expired()) what();
  });
}

// ---- documents

void FleetAgent::consider(const std::string& pool) {
  const Baseline& baseline = session().state().baseline();
  const auto document = baseline.documents.find(pool);
  if (document == baseline.documents.end()) return;
  const auto given = config::parse_fleet_pool_json(document->second.value);
  if (!given) return;  // refused: what was there goes on
  if (given->deleted) return end(pool);
  store::FleetDocument row{pool, document->second.value, static_cast<std::int64_t>(baseline.epoch),
                           document->second.mod_revision};
  write([this, row = std::move(row), given = *given] {
    put(parts_.disk.documents, row);
    if (selects(given.selector, parts_.config.node.labels)) return apply(given);
    leave(row.pool);
  });
}

void FleetAgent::apply(const Given& given) {
  simulation::Scene& scene = parts_.node.scene;
  const std::uint64_t number = ++asked_;
  scene.agenda.after(scene.random.spread(1ms, 5s),
                     [this, number, given, alive = std::weak_ptr(alive_)] {
                       if (alive.expired() || number < taken_[given.pool.name]) return;
                       taken_[given.pool.name] = number;
                       take(given);
                     });
}

void FleetAgent::take(const Given& given) {
  const std::string& name = given.pool.name;
  const store::Revision revision = catalog_.plan(given.pool, "", 0);
  catalog_.allot(name, agent::Allotment{session().claims().workers(name)});
  catalog_.put(given.pool, agent::fleet_source(keys_.pool(name)), revision);
  catalog_.find(name)->paused_by_fleet = given.paused.value_or(false);
  write([this, given, revision] {
    save(revision);
    if (catalog_.find(given.pool.name) != nullptr) tell(given.pool.name);
    if (is_current(given)) membership_.share(given.pool.name, {*given.total, given.selector});
  });
}

void FleetAgent::save(const store::Revision& row) {
  std::erase_if(parts_.disk.revisions, [&](const store::Revision& each) {
    return each.pool == row.pool && each.number == row.number;
  });
  parts_.disk.revisions.push_back(row);
}

bool FleetAgent::is_current(const Given& given) const {
  const auto& documents = session().state().baseline().documents;
  const auto document = documents.find(given.pool.name);
  if (document == documents.end()) return false;
  const auto newest = config::parse_fleet_pool_json(document->second.value);
  return newest && newest->pool == given.pool && newest->total == given.total &&
         newest->selector == given.selector && newest->paused == given.paused;
}

// ---- pools on their way out

void FleetAgent::leave(const std::string& pool) {
  if (shrink_to_nothing(pool)) drop(pool);
}

void FleetAgent::end(const std::string& pool) {
  if (!shrink_to_nothing(pool)) return;
  const auto revision = session().state().baseline().documents.at(pool).mod_revision;
  write([this, pool, revision] {
    std::erase_if(parts_.disk.documents, [&](const auto& row) { return row.pool == pool; });
    drop(pool);
    events_.emplace_back(TombstoneTaken{pool, revision});
  });
}

void FleetAgent::drop(const std::string& pool) {
  left_[pool] = now();
  membership_.unshare(pool);
  taken_[pool] = ++asked_;
  if (catalog_.find(pool) == nullptr) return;
  catalog_.drop(pool);
  parts_.node.scene.truth.wanted.erase(pool);
  parts_.node.agent.tell(core::PoolDropped{pool});
}

bool FleetAgent::shrink_to_nothing(const std::string& pool) {
  left_[pool] = now();
  if (membership_.shrink_to_nothing(pool, now())) return true;
  go_on_shrinking();
  return false;
}

void FleetAgent::go_on_shrinking() {
  const Time at = membership_.shrinks_at(now());
  if (at == core::kNever) return;
  const std::uint64_t timer = ++brake_timer_;
  parts_.node.scene.agenda.at(at, [this, timer, alive = std::weak_ptr(alive_)] {
    if (alive.expired() || timer != brake_timer_) return;
    for (const std::string& pool : std::set(membership_.braked())) {
      const auto& documents = session().state().baseline().documents;
      const auto document = documents.find(pool);
      if (document == documents.end()) continue;
      const auto given = config::parse_fleet_pool_json(document->second.value);
      const bool stays =
          given && !given->deleted && selects(given->selector, parts_.config.node.labels);
      if (!stays) consider(pool);
    }
    go_on_shrinking();
  });
}

// ---- what the core is told

void FleetAgent::allot(const std::string& pool, const agent::Allotment& allotted) {
  if (catalog_.find(pool) == nullptr || catalog_.allotted(pool) == allotted) return;
  catalog_.allot(pool, allotted);
  tell(pool);
}

void FleetAgent::tell(const std::string& pool) {
  want(parts_.node.scene, catalog_.settings(pool));
  parts_.node.agent.tell(core::PoolDesired{catalog_.settings(pool)});
}

}  // namespace mayfly::coordinator
