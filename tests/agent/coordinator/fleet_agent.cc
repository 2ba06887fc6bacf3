#include "tests/agent/coordinator/fleet_agent.h"

#include <algorithm>

namespace mayfly::coordinator {
namespace {

using namespace std::chrono_literals;

constexpr Duration kReportPause = 1s;  ///< as agent/fleet waits before it keeps its slots
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

Claims::Self self_of(const FleetAgent::Parts& parts, const std::string& instance) {
  const config::Daemon& config = parts.config;
  const auto ttl = std::chrono::duration_cast<std::chrono::seconds>(config.coordinator.claim_ttl);
  return {.node = config.node.name,
          .instance = instance,
          .labels = config.node.labels,
          .ttl_s = ttl.count(),
          .kept = fleet::slots_of(parts.disk.documents, config.coordinator.cluster)};
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
      session_(keys_, fleet::baseline_of(parts.disk.documents, parts.config.coordinator.cluster),
               seed, self_of(parts, instance)),
      slots_([this](const auto& pool, const auto& allotted) { allot(pool, allotted); },
             parts.node.agent.core()->model(),
             fleet::known_shared(parts.disk.documents, parts.config.node.labels)),
      brake_(parts.config.coordinator.shrink_max_percent) {
  for (const auto& [name, pool] : catalog_.pools()) {
    brake_.set(name, catalog_.settings(name).replicas);
    write([this, row = pool.revisions.back().row] { save(row); });
  }
}

FleetAgent::Stepped FleetAgent::step(Time now, std::vector<Event> events) {
  Stepped stepped;
  for (Event& posted : std::exchange(events_, {})) events.push_back(std::move(posted));
  for (Event& news : slots_.news()) {
    stepped.is_ordered |= !std::holds_alternative<PlacesChanged>(news);
    events.push_back(std::move(news));
  }
  stepped.decision = session_.step(now, events);
  slots_.follow(session_.claims());
  for (const auto& [pool, shared] : slots_.shared()) {
    if (!brake_.braked().contains(pool)) brake_.set(pool, session_.claims().workers(pool));
  }
  if (session_.claims().slots() != slots_kept_) keep_baseline();
  for (const std::string& pool : stepped.decision.changed) consider(pool);
  keep_baseline_soon();
  return stepped;
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
  const Baseline& baseline = session_.state().baseline();
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
  catalog_.allot(name, agent::Allotment{session_.claims().workers(name)});
  catalog_.put(given.pool, agent::fleet_source(keys_.pool(name)), revision);
  catalog_.find(name)->paused_by_fleet = given.paused.value_or(false);
  write([this, given, revision] {
    save(revision);
    if (catalog_.find(given.pool.name) != nullptr) tell(given.pool.name);
    if (is_current(given)) slots_.share(given.pool.name, {*given.total, given.selector});
  });
}

void FleetAgent::save(const store::Revision& row) {
  std::erase_if(parts_.disk.revisions, [&](const store::Revision& each) {
    return each.pool == row.pool && each.number == row.number;
  });
  parts_.disk.revisions.push_back(row);
}

bool FleetAgent::is_current(const Given& given) const {
  const auto& documents = session_.state().baseline().documents;
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
  const auto revision = session_.state().baseline().documents.at(pool).mod_revision;
  write([this, pool, revision] {
    std::erase_if(parts_.disk.documents, [&](const auto& row) { return row.pool == pool; });
    drop(pool);
    events_.emplace_back(TombstoneTaken{pool, revision});
  });
}

void FleetAgent::drop(const std::string& pool) {
  left_[pool] = now();
  slots_.unshare(pool);
  taken_[pool] = ++asked_;
  if (catalog_.find(pool) == nullptr) return;
  catalog_.drop(pool);
  parts_.node.scene.truth.wanted.erase(pool);
  parts_.node.agent.tell(core::PoolDropped{pool});
}

bool FleetAgent::shrink_to_nothing(const std::string& pool) {
  left_[pool] = now();
  const std::uint32_t left = brake_.limit(pool, 0, now());
  if (left == 0) return true;
  slots_.cap(pool, left);
  go_on_shrinking();
  return false;
}

void FleetAgent::go_on_shrinking() {
  if (brake_.due() == core::kNever) return;
  const std::uint64_t timer = ++brake_timer_;
  parts_.node.scene.agenda.at(
      std::max(brake_.due(), now() + 1s), [this, timer, alive = std::weak_ptr(alive_)] {
        if (alive.expired() || timer != brake_timer_) return;
        for (const std::string& pool : std::set(brake_.braked())) {
          const auto& documents = session_.state().baseline().documents;
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

// ---- what is kept for a start without etcd

void FleetAgent::keep_baseline_soon() {
  if (is_baseline_due_) return;
  is_baseline_due_ = true;
  parts_.node.scene.agenda.after(kReportPause, [this, alive = std::weak_ptr(alive_)] {
    if (!alive.expired()) keep_baseline();
  });
}

void FleetAgent::keep_baseline() {
  is_baseline_due_ = false;
  slots_kept_ = session_.claims().slots();
  store::FleetDocument row = fleet::baseline_row(session_.state().baseline(),
                                                 parts_.config.coordinator.cluster, slots_kept_);
  if (row == baseline_kept_) return;
  baseline_kept_ = row;
  write([this, row = std::move(row)] { put(parts_.disk.documents, row); });
}

}  // namespace mayfly::coordinator
