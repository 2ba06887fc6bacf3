#include "agent/core/turn.h"

#include <algorithm>

#include "agent/core/check.h"

namespace mayfly::core {

namespace {

constexpr std::size_t kReasonBytesMax = 512;

}  // namespace

Time after(Time time, Duration wait) {
  if (wait <= Duration::zero()) return time;
  return wait > kNever - time ? kNever : time + wait;
}

Duration doubled(Duration initial, std::uint32_t tries, Duration max) {
  Duration wait = initial;
  for (std::uint32_t i = 1; i < tries && wait < max; ++i) wait *= 2;
  return std::min(wait, max);
}

std::string bounded(const std::string& text) {
  return text.substr(0, kReasonBytesMax);
}

std::uint64_t raw(WorkerId id) {
  return static_cast<std::uint64_t>(id);
}

void act(Turn& turn, Action action) {
  turn.decision.actions.push_back(std::move(action));
}

void wake(Turn& turn, Time at) {
  turn.decision.wake_at = std::min(turn.decision.wake_at, at);
}

void tell(Turn& turn, const Worker& worker, const char* what, std::string detail) {
  turn.decision.transitions.push_back({.at = turn.now,
                                       .pool = worker.pool,
                                       .worker = worker.id,
                                       .slot = worker.slot,
                                       .revision = worker.revision,
                                       .what = what,
                                       .detail = std::move(detail)});
}

void tell(Turn& turn, const Pool& pool, const char* what, std::string detail) {
  turn.decision.transitions.push_back({.at = turn.now,
                                       .pool = pool.settings.name,
                                       .worker = std::nullopt,
                                       .slot = std::nullopt,
                                       .revision = pool.settings.revision,
                                       .what = what,
                                       .detail = std::move(detail)});
}

void tell_node(Turn& turn, const char* what, std::string detail) {
  Transition transition;
  transition.at = turn.now;
  transition.what = what;
  transition.detail = std::move(detail);
  turn.decision.transitions.push_back(std::move(transition));
}

Worker* find_worker(Turn& turn, WorkerId id) {
  const auto found = turn.model.workers.find(id);
  return found == turn.model.workers.end() ? nullptr : &found->second;
}

Pool* find_pool(Turn& turn, const PoolName& name) {
  const auto found = turn.model.pools.find(name);
  return found == turn.model.pools.end() ? nullptr : &found->second;
}

Pool& pool_of(Turn& turn, const Worker& worker) {
  Pool* pool = find_pool(turn, worker.pool);
  check(pool != nullptr, "a worker's pool outlives it");
  return *pool;
}

Worker& add_worker(Turn& turn, const NewWorker& fresh) {
  Pool* pool = find_pool(turn, fresh.pool);
  check(pool != nullptr, "a worker has a pool");
  pool->workers.insert(fresh.id);
  turn.memory.phases.at(static_cast<std::size_t>(fresh.phase)).insert(fresh.id);
  const auto [place, added] = turn.model.workers.try_emplace(fresh.id);
  check(added, "a worker's id is unique");
  Worker& worker = place->second;
  worker.id = fresh.id;
  worker.pool = fresh.pool;
  worker.revision = fresh.revision;
  worker.phase = fresh.phase;
  worker.due = turn.now;
  return worker;
}

void enter(Turn& turn, Worker& worker, WorkerPhase phase) {
  turn.memory.phases.at(static_cast<std::size_t>(worker.phase)).erase(worker.id);
  turn.memory.phases.at(static_cast<std::size_t>(phase)).insert(worker.id);
  worker.phase = phase;
  worker.deadline = kNever;
  worker.due = turn.now;
  worker.tries = 0;
}

void forget(Turn& turn, Worker& worker) {
  const WorkerId id = worker.id;
  // An inventory that was asked for earlier may still show it.
  if (turn.memory.inventory.out) turn.memory.forgotten.insert(id);
  turn.memory.phases.at(static_cast<std::size_t>(worker.phase)).erase(id);
  pool_of(turn, worker).workers.erase(id);
  turn.model.workers.erase(id);
}

const std::set<WorkerId>& index_of(const Turn& turn, WorkerPhase phase) {
  return turn.memory.phases.at(static_cast<std::size_t>(phase));
}

std::vector<WorkerId> in_phase(const Turn& turn, WorkerPhase phase) {
  const std::set<WorkerId>& index = index_of(turn, phase);
  return {index.begin(), index.end()};
}

}  // namespace mayfly::core
