#include "tests/agent/coordinator/fleet_node.h"

#include <algorithm>

namespace mayfly::coordinator {

SharedPool pool_of_text(const std::string& text) {
  const auto space = text.find(' ');
  SharedPool pool{.total = static_cast<std::uint32_t>(std::stoul(text))};
  if (space != std::string::npos) pool.selector["zone"] = text.substr(space + 1);
  return pool;
}

void SimulatedNode::start(const Keys& keys, std::uint64_t seed, std::int64_t ttl_s) {
  Claims::Self self{
      .node = name, .instance = instance, .labels = {{"zone", zone}}, .ttl_s = ttl_s, .kept = kept};
  session = std::make_unique<Session>(keys, baseline, seed, std::move(self));
  shared.clear();
  for (const auto& [pool, document] : baseline.documents) {
    shared[pool] = pool_of_text(document.value);
  }
  is_shared_new = true;
  has_told = false;
  is_scheduling_new = true;
  wake_at = Time{};
  // Without etcd, what it last knew: the workers that are there, and those that it ran.
  for (auto& [pool, its] : lives) its.wanted = 0;
  follow();
}

void SimulatedNode::crash() {
  session.reset();
  coming.clear();
  watches.clear();
  wake_at = core::kNever;
}

Time SimulatedNode::due() const {
  if (has_left) return core::kNever;
  Time due = is_up() ? wake_at : core::kNever;
  if (!coming.empty()) due = std::min(due, coming.begin()->first);
  for (const auto& [pool, its] : lives) due = std::min(due, its.next_end);
  return due;
}

std::map<std::string, std::uint32_t> SimulatedNode::places() const {
  std::map<std::string, std::uint32_t> places;
  for (const auto& [pool, its] : lives) places[pool] = std::max(its.count, its.wanted);
  return places;
}

void SimulatedNode::add_news(std::vector<Event>& events) {
  if (std::exchange(is_shared_new, false)) events.emplace_back(PoolsShared{shared});
  if (std::exchange(is_scheduling_new, false)) events.emplace_back(SchedulingChanged{scheduling});
  auto now = places();
  if (std::exchange(has_told, true) && now == places_told) return;
  places_told = now;
  events.emplace_back(PlacesChanged{std::move(now)});
}

void SimulatedNode::follow() {
  for (const auto& [pool, its] : shared) {
    Lives& mine = lives[pool];
    mine.wanted = session->claims().workers(pool);
    mine.count = std::max(mine.count, mine.wanted);
  }
  baseline = session->state().baseline();
  kept = session->claims().slots();
}

void SimulatedNode::let_end(Time now, const std::function<Duration()>& a_while) {
  for (auto& [pool, its] : lives) {
    const std::uint32_t wanted = is_up() ? its.wanted : 0;
    if (its.count > wanted && its.next_end <= now) {
      --its.count;
      if (is_up()) wake_at = std::min(wake_at, now);
    }
    if (its.count <= wanted) {
      its.next_end = core::kNever;
    } else if (its.next_end == core::kNever || its.next_end <= now) {
      its.next_end = now + a_while();
    }
  }
}

}  // namespace mayfly::coordinator
