// Any events in any order: nothing aborts, the picture stays whole, the same inputs give the same
// decisions.
#include <gtest/gtest.h>

#include <random>
#include <sstream>

#include "tests/agent/core/harness.h"

namespace mayfly::core {
namespace {

/// Random events, mostly about workers that exist.
class Chaos {
 public:
  explicit Chaos(std::uint32_t seed) : random_(seed) {}

  Event next(const Harness& core) {
    const WorkerId id = some_worker(core);
    const PoolName pool(1, static_cast<char>('a' + below(3)));
    const Revision revision{below(5)};
    switch (below(29)) {
      case 0:
        return PoolDesired{some_settings(pool, revision)};
      case 1:
        return PoolDropped{pool};
      case 2:
        return RetireAsked{id};
      case 3:
        return KillAsked{id};
      case 4:
        return ResetAsked{pool};
      case 5:
        return LimitsChanged{some_limits()};
      case 6:
        return RevisionPrepared{pool, revision};
      case 7:
        return RevisionFailed{pool, revision, "no"};
      case 8:
        return WorkerStarted{id};
      case 9:
        return StartFailed{id, "no"};
      case 10:
        return StartUncertain{id, "?"};
      case 11:
        return GateReady{id};
      case 12:
        return GateLost{id, "x"};
      case 13:
        return WorkerRunning{id, some_time(core)};
      case 14:
        return ReleaseFailed{id, below(2) == 0 ? "" : "x"};
      case 15:
        return WorkerExited{id, some_time(core), some_status()};
      case 16:
        return ExitStatusKnown{id, some_status()};
      case 17:
        return ExitStatusUncertain{id};
      case 18:
        return ExitRecorded{id};
      case 19:
        return WorkerRemoved{id};
      case 20:
        return RemoveFailed{id, "busy"};
      case 21:
        return InventoryTaken{core.last_inventory(), some_inventory(core)};
      case 22:
        return InventoryFailed{core.last_inventory()};
      case 23:
        return RuntimeLost{"x"};
      case 24:
        return RuntimeFound{};
      case 25:
        return HostShutdownBegan{below(9) == 0 ? Time::min() : some_time(core) + 1s};
      case 26:
        return HostShutdownCancelled{};
      case 27:
        return NodeDesired{some_node(core)};
      default:
        return RuntimeHinted{id};
    }
  }

  std::uint32_t below(std::uint32_t bound) { return static_cast<std::uint32_t>(random_() % bound); }

 private:
  WorkerId some_worker(const Harness& core) {
    const auto& workers = core.model().workers;
    if (workers.empty() || below(10) == 0) return WorkerId{below(200)};
    return std::next(workers.begin(), below(static_cast<std::uint32_t>(workers.size())))->first;
  }
  PoolSettings some_settings(const PoolName& pool, Revision revision) {
    PoolSettings settings = small_pool(pool);
    settings.replicas = below(5);
    if (below(2) == 0) settings.standby.reset();
    settings.revision = revision;
    settings.paused = below(4) == 0;
    settings.stop_grace = Duration(below(3)) * 1'000'000'000;
    settings.spare_age_max = below(2) == 0 ? Duration(1h) : Duration(2s);
    return settings;
  }
  NodeSettings some_node(const Harness& core) {
    NodeSettings node{.scheduling = static_cast<Scheduling>(below(3))};
    if (below(3) != 0) node.drain_until = below(9) == 0 ? Time::min() : some_time(core);
    for (std::uint32_t i = below(3); i > 0; --i) {
      node.kept[PoolName(1, static_cast<char>('a' + below(4)))] = below(6);
    }
    return node;
  }
  Limits some_limits() {
    Limits limits;
    limits.starts_inflight_max = below(4);
    limits.removes_inflight_max = below(4);
    limits.starts_rate = below(2) * 3.5;
    limits.release_deadline = Duration(below(2)) * 1'000'000'000;
    return limits;
  }
  Time some_time(const Harness& core) { return core.now() - 1s + Duration(below(2'000'000'000)); }
  std::optional<ExitStatus> some_status() {
    if (below(3) == 0) return std::nullopt;
    return ExitStatus{static_cast<int>(below(2)), below(3) == 0 ? 9 : 0};
  }
  std::vector<ObservedWorker> some_inventory(const Harness& core) {
    std::vector<ObservedWorker> seen = core.truth();
    std::erase_if(seen, [&](const ObservedWorker&) { return below(10) == 0; });
    for (ObservedWorker& each : seen) {
      if (below(10) == 0) each.state = static_cast<ContainerState>(below(3));
    }
    for (std::uint32_t i = below(3); i > 0; --i) {
      ObservedWorker stranger = seen_running(WorkerId{below(1000)}, std::nullopt);
      stranger.pool = PoolName(1, static_cast<char>('a' + below(4)));
      stranger.revision = Revision{below(4)};
      stranger.state = static_cast<ContainerState>(below(3));
      if (below(2) == 0) stranger.released_to = below(6);
      seen.push_back(stranger);
    }
    return seen;
  }

  std::mt19937 random_;
};

/// A line for each thing decided, so that two runs can be compared.
std::string print(const Decision& decision) {
  std::ostringstream text;
  for (const Action& action : decision.actions) text << action.index() << ' ';
  for (const Transition& each : decision.transitions) {
    const auto worker = static_cast<std::uint64_t>(each.worker.value_or(WorkerId{}));
    text << each.pool << worker << each.what << each.detail << ' ';
  }
  text << decision.wake_at.time_since_epoch().count() << '\n';
  return text.str();
}

std::string live_through(std::uint32_t seed) {
  Harness core;
  Chaos chaos(seed);
  std::string story;
  for (int turn = 0; turn < 400; ++turn) {
    std::vector<Event> events;
    for (std::uint32_t i = chaos.below(4); i > 0; --i) events.push_back(chaos.next(core));
    story += print(core.step(events));
    expect_consistent(core.model());
    for (const auto& [name, pool] : core.model().pools) {
      for (const auto& [index, slot] : pool.slots) static_cast<void>(core.why(index, name));
    }
    if (chaos.below(3) == 0) story += print(core.pass(Duration(chaos.below(3'000'000'000))));
    if (testing::Test::HasFatalFailure()) break;
  }
  return story;
}

TEST(Core, SurvivesAnyEventsInAnyOrder) {
  for (std::uint32_t seed = 0; seed < 100 && !HasFatalFailure(); ++seed) {
    SCOPED_TRACE(seed);
    live_through(seed);
  }
}

TEST(Core, DecidesTheSameOnTheSameInputs) {
  for (std::uint32_t seed = 0; seed < 5; ++seed)
    EXPECT_TRUE(live_through(seed) == live_through(seed)) << seed;
}

TEST(Core, ComesToRestAfterAnyEvents) {
  for (std::uint32_t seed = 0; seed < 100; ++seed) {
    SCOPED_TRACE(seed);
    Harness core;
    Chaos chaos(seed);
    for (int turn = 0; turn < 200; ++turn) core.step({chaos.next(core)});
    PoolSettings settings = small_pool("a");
    settings.replicas = 3;
    core.feed(PoolDesired{settings}, PoolDropped{"b"}, PoolDropped{"c"}, LimitsChanged{roomy()},
              RuntimeFound{}, NodeDesired{}, HostShutdownCancelled{}, ResetAsked{"a"});
    for (int turn = 0; turn < 300; ++turn) {
      core.settle();
      core.pass(std::min<Duration>(core.last().wake_at - core.now(), 1s));
      core.inventory([](auto&) {});
    }
    ASSERT_EQ(core.model().pools.size(), 1U);
    for (const auto& [index, slot] : core.pool("a").slots) EXPECT_TRUE(slot.worker) << index;
    EXPECT_EQ(core.pool("a").slots.size(), 3U);
  }
}

}  // namespace
}  // namespace mayfly::core
