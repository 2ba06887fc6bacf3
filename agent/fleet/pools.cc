// The pools of the fleet's: from their documents to what this node runs of them.
#include <algorithm>
#include <utility>

#include "agent/clock.h"
#include "agent/fleet/fleet.h"
#include "agent/log.h"
#include "config/faults.h"

namespace mayfly::fleet {

void Fleet::consider(const std::string& pool) {
  const auto& documents = session().state().baseline().documents;
  const auto document = documents.find(pool);
  if (document == documents.end()) return forget(pool);
  const auto given = config::parse_fleet_pool_json(document->second.value);
  if (!given) return refuse(pool, config::in_one_line(given.error()));
  if (given->deleted) return end(pool);
  if (given->pool.name != pool) return refuse(pool, "/name: must be that of its key");
  // On disk before in force: a start without etcd must not go back to the one before.
  keep(pool, [this, pool, given = *given] {
    if (coordinator::selects(given.selector, options_.labels)) return apply(pool, given);
    leave(pool);
  });
}

bool Fleet::shrink_to_nothing(const std::string& pool) {
  if (membership_.shrink_to_nothing(pool, agent::monotonic_now())) return true;
  go_on_shrinking();
  return false;
}

void Fleet::go_on_shrinking() {
  const core::Time at = membership_.shrinks_at(agent::monotonic_now());
  if (at == core::kNever) return;
  brake_timer_.expires_at(std::chrono::steady_clock::time_point(at.time_since_epoch()));
  brake_timer_.async_wait([this, alive = std::weak_ptr(alive_)](const auto& error) {
    if (error || alive.expired()) return;
    for (const std::string& pool : std::set(membership_.braked())) shrink_further(pool);
    go_on_shrinking();
    show();
  });
}

void Fleet::shrink_further(const std::string& pool) {
  const auto& documents = session().state().baseline().documents;
  const auto document = documents.find(pool);
  if (document == documents.end()) return;
  const auto given = config::parse_fleet_pool_json(document->second.value);
  const bool stays =
      given && !given->deleted && coordinator::selects(given->selector, options_.labels);
  if (!stays) return consider(pool);
  if (!given->total) parts_.desired.allot(pool, braked(pool, given->pool.replicas));
}

std::optional<agent::Allotment> Fleet::braked(const std::string& pool, std::uint32_t wanted) {
  const std::uint32_t left = membership_.limit(pool, wanted, agent::monotonic_now());
  if (left == wanted) return std::nullopt;
  return agent::Allotment{left, core::Surplus::kStopped};
}

std::vector<std::string> Fleet::alarms() const {
  std::vector<std::string> lines = session().alarms();
  std::string pools;
  for (const std::string& pool : membership_.braked()) pools += (pools.empty() ? "" : ", ") + pool;
  if (!pools.empty()) lines.push_back("shrinking in steps, see coordinator.shrink_max: " + pools);
  return lines;
}

void Fleet::leave(const std::string& pool) {
  if (shrink_to_nothing(pool)) drop(pool);
}

void Fleet::drop(const std::string& pool) {
  forget(pool);
  membership_.unshare(pool);
  parts_.desired.drop_of_fleet(pool);
}

std::int64_t Fleet::mod_revision_of(const std::string& pool) const {
  const auto& documents = session().state().baseline().documents;
  const auto document = documents.find(pool);
  return document == documents.end() ? 0 : document->second.mod_revision;
}

void Fleet::forget(const std::string& pool) {
  refused_.erase(pool);
  refused_at_.erase(pool);
  in_force_.erase(pool);
}

void Fleet::refuse(const std::string& pool, const std::string& why) {
  const bool is_new = !refused_.contains(pool) || refused_[pool] != why;
  if (is_new)
    agent::log::error("pool of the coordinator refused", {{"pool", pool}, {"error", why}});
  refused_[pool] = why;
  refused_at_[pool] = mod_revision_of(pool);
  show();
  observe();
}

void Fleet::keep(const std::string& pool, std::function<void()> then) {
  const coordinator::Baseline& baseline = session().state().baseline();
  const coordinator::Document& document = baseline.documents.at(pool);
  parts_.store.put_fleet(
      {pool, document.value, static_cast<std::int64_t>(baseline.epoch), document.mod_revision},
      [this, alive = std::weak_ptr(alive_), pool, then = std::move(then)](bool is_kept) {
        if (alive.expired()) return;
        if (!is_kept) return refuse(pool, "it could not be written to the state directory");
        then();
      });
}

void Fleet::apply(const std::string& pool, const config::FleetPool& given) {
  const auto is_current = [this, pool, given] {
    const auto& documents = session().state().baseline().documents;
    const auto found = documents.find(pool);
    if (found == documents.end()) return false;
    const auto newest = config::parse_fleet_pool_json(found->second.value);
    return newest && newest->pool == given.pool && newest->total == given.total &&
           newest->selector == given.selector && newest->paused == given.paused;
  };
  const auto allotted = [this, pool, given]() -> std::optional<agent::Allotment> {
    if (given.total) return agent::Allotment{session().claims().workers(pool)};
    const auto allotment = braked(pool, given.pool.replicas);
    go_on_shrinking();
    return allotment;
  };
  parts_.desired.take(
      {given.pool, agent::fleet_source(keys_.pool(pool)), given.paused.value_or(false), allotted},
      [this, alive = std::weak_ptr(alive_), pool, given,
       is_current](const tl::expected<control::ApplyResult, control::Error>& result) {
        if (alive.expired() || !is_current()) return;
        if (!result) return refuse(pool, result.error().what);
        forget(pool);
        in_force_[pool] = mod_revision_of(pool);
        if (given.total) membership_.share(pool, {*given.total, given.selector});
        if (!given.total) membership_.unshare(pool);
        show();
        observe();
      });
}

void Fleet::end(const std::string& pool) {
  if (!shrink_to_nothing(pool)) return;
  const auto revision = session().state().baseline().documents.at(pool).mod_revision;
  parts_.store.drop_fleet(pool, [this, alive = std::weak_ptr(alive_), pool, revision](bool gone) {
    if (alive.expired()) return;
    if (!gone) return refuse(pool, "its end could not be written to the state directory");
    drop(pool);
    post(coordinator::TombstoneTaken{pool, revision});
  });
}

}  // namespace mayfly::fleet
