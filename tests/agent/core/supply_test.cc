// How many containers are made, for whom first, under the node's limits.
#include <gtest/gtest.h>

#include <map>

#include "agent/core/spares.h"
#include "tests/agent/core/harness.h"

namespace mayfly::core {
namespace {

Limits inflight(std::uint32_t max) {
  Limits limits = roomy();
  limits.starts_inflight_max = max;
  return limits;
}

PoolSettings with_standby(std::uint32_t replicas, std::optional<std::uint32_t> standby) {
  PoolSettings settings = bare_pool(replicas);
  settings.standby = standby;
  return settings;
}

TEST(Supply, KeepsStartsInFlightUnderTheLimit) {
  Harness core(inflight(3));
  core.begin(bare_pool(10));
  EXPECT_EQ(core.wants<StartWorker>().size(), 3U);
  EXPECT_EQ(core.why(9).reason, EmptyReason::kStartsLimited);
  EXPECT_EQ(core.why(0).reason, EmptyReason::kStarting);
  core.feed(WorkerStarted{core.wants<StartWorker>().at(0).worker});
  EXPECT_EQ(core.wants<StartWorker>().size(), 1U);
}

TEST(Supply, CountsUncertainStartsAsInFlight) {
  Harness core(inflight(1));
  core.begin(bare_pool(2));
  core.feed(StartUncertain{core.wants<StartWorker>().at(0).worker, "timeout"});
  EXPECT_TRUE(core.wants<StartWorker>().empty());
}

TEST(Supply, KeepsTheRateOfStarts) {
  Limits limits = roomy();
  limits.starts_rate = 10;
  limits.starts_burst = 3;
  Harness core(limits);
  core.begin(bare_pool(100));
  EXPECT_EQ(core.wants<StartWorker>().size(), 3U) << "the burst";
  EXPECT_EQ(core.why(99).reason, EmptyReason::kStartsLimited);
  EXPECT_LE(core.why(99).next_attempt, core.now() + 101ms);
  const auto starts = Harness::of<StartWorker>(core.run(2s));
  EXPECT_GE(starts.size(), 19U);
  EXPECT_LE(starts.size(), 20U);
}

TEST(Supply, ARateThatIsLiftedOrSetWhileRunningHolds) {
  Harness core;
  core.begin(bare_pool(50));
  core.settle();
  Limits limits = roomy();
  limits.starts_rate = 1;
  limits.starts_burst = 2;
  core.feed(LimitsChanged{limits});
  PoolSettings more = bare_pool(60);
  core.feed(PoolDesired{more});
  EXPECT_EQ(core.wants<StartWorker>().size(), 2U);
  core.feed(LimitsChanged{roomy()});
  EXPECT_EQ(core.wants<StartWorker>().size(), 8U);
}

TEST(Supply, RespawnsComeBeforeGrowthBeforeSpares) {
  Harness core(inflight(1));
  core.fill(with_standby(1, 0));
  core.exit(core.worker_in(0));
  const WorkerId respawn = core.wants<StartWorker>().at(0).worker;
  core.feed(PoolDesired{with_standby(2, 2)});
  std::vector<std::string> order;
  core.feed(WorkerStarted{respawn}, GateReady{respawn});
  EXPECT_EQ(core.wants<ReleaseWorker>().at(0).slot, 0U);
  const WorkerId growth = core.wants<StartWorker>().at(0).worker;
  core.feed(WorkerStarted{growth}, GateReady{growth});
  EXPECT_EQ(core.wants<ReleaseWorker>().at(0).slot, 1U);
  core.settle();
  EXPECT_EQ(core.spares().size(), 2U);
}

TEST(Supply, PoolsTakeTurns) {
  Harness core(inflight(1));
  core.adopt();
  for (const char* name : {"a", "b", "c"}) {
    core.feed(PoolDesired{bare_pool(30, name)}, RevisionPrepared{name, Revision{1}});
  }
  std::map<PoolName, int> served;
  WorkerId out = core.in(WorkerPhase::kStarting).at(0);
  for (int i = 0; i < 30; ++i) {
    ++served[core.worker(out).pool];
    core.feed(WorkerStarted{out});
    out = core.wants<StartWorker>().at(0).worker;
  }
  for (const auto& [name, count] : served) EXPECT_NEAR(count, 10, 1) << name;
}

TEST(Supply, APoolThatSpinsDoesNotKeepAnotherFromGrowing) {
  Harness core(inflight(1));
  core.fill(bare_pool(4, "spin"));
  core.feed(PoolDesired{bare_pool(2, "new")}, RevisionPrepared{"new", Revision{1}});
  for (int i = 0; i < 60; ++i) {
    std::vector<Event> exits;
    for (const WorkerId id : core.in(WorkerPhase::kRunning)) {
      if (core.worker(id).pool == "spin") {
        exits.emplace_back(WorkerExited{id, core.now(), ExitStatus{}});
      }
    }
    for (const WorkerId id : core.in(WorkerPhase::kStarting)) {
      exits.emplace_back(WorkerStarted{id});
      exits.emplace_back(GateReady{id});
    }
    core.step(exits);
    for (const ReleaseWorker& release : core.wants<ReleaseWorker>()) {
      core.feed(WorkerRunning{release.worker, core.now()});
    }
  }
  EXPECT_TRUE(core.pool("new").slots.at(0).worker);
  EXPECT_TRUE(core.pool("new").slots.at(1).worker);
}

TEST(Supply, TheLongestEmptySlotIsFilledFirst) {
  Harness core;
  core.fill(bare_pool(3));
  for (const SlotIndex index : {2U, 0U, 1U}) {
    core.exit(core.worker_in(index));
    core.pass(1ms);
  }
  std::vector<SlotIndex> filled;
  for (const WorkerId id : core.in(WorkerPhase::kStarting)) {
    core.feed(WorkerStarted{id}, GateReady{id});
    filled.push_back(core.wants<ReleaseWorker>().at(0).slot);
  }
  EXPECT_EQ(filled, (std::vector<SlotIndex>{2, 0, 1}));
}

TEST(Supply, PreparesForTheEndOfABackoffAsEarlyAsAStartTakes) {
  Harness core;
  core.begin(bare_pool(1));
  core.pass(400ms);  // what a start takes here
  core.feed(WorkerStarted{core.in(WorkerPhase::kStarting).at(0)},
            GateReady{core.in(WorkerPhase::kStarting).at(0)});
  core.settle();
  ASSERT_EQ(core.pool().start_time, 400ms);
  PoolSettings slow = bare_pool(1);
  slow.backoff.initial = 20s;
  core.feed(PoolDesired{slow});
  core.exit(core.worker_in(0), {.code = 1, .signal = 0});
  const Time due = core.slot().not_before;
  ASSERT_GT(due, core.now() + 400ms) << "another seed is needed";
  EXPECT_TRUE(core.wants<StartWorker>().empty());
  EXPECT_TRUE(Harness::of<StartWorker>(core.run(due - core.now() - 401ms)).empty());
  EXPECT_EQ(Harness::of<StartWorker>(core.run(2ms)).size(), 1U);
}

TEST(Standby, AutoIsOneWhenNothingHappensAndGrowsWithExits) {
  Harness core;
  core.begin(with_standby(4, std::nullopt));
  const auto start_slowly = [&] {
    for (const WorkerId id : core.in(WorkerPhase::kStarting)) {
      if (core.now() - *core.worker(id).start_asked < 500ms) continue;
      core.feed(WorkerStarted{id}, GateReady{id});
    }
  };
  core.pass(500ms);
  start_slowly();
  EXPECT_EQ(core.pool().standby_target, 1U);
  for (int i = 0; i < 300; ++i) {
    core.pass(100ms);
    start_slowly();
    if (core.slot().worker) core.exit(core.worker_in(0));
  }
  EXPECT_GE(core.pool().standby_target, 4U) << "10 exits a second at 0.5 s a start";
  EXPECT_LE(core.pool().standby_target, 8U);
  const auto spares = core.spares().size();
  core.run(5min);
  EXPECT_EQ(core.spares().size(), spares) << "what is too many now is not thrown away";
  EXPECT_EQ(core.pool().standby_target, 1U);
}

TEST(Standby, AutoMeetsExitsThatComeMoreOftenThanOnAverage) {
  struct Case {
    double exits_per_s;
    Duration start_time;
    std::uint32_t wanted;
  };
  const Case cases[] = {{0.01, 100ms, 1}, {2.5, 100ms, 2}, {5, 100ms, 3},
                        {10, 100ms, 4},   {20, 100ms, 6},  {100, 1s, 8}};
  for (const Case& each : cases) {
    Pool pool;
    pool.settings = with_standby(4, std::nullopt);
    pool.exits_per_s = each.exits_per_s;
    pool.start_time = each.start_time;
    EXPECT_EQ(standby_target(Model{}, pool, pool.exit_counted), each.wanted) << each.exits_per_s;
  }
}

TEST(Standby, SparesTooManyAreDismissed) {
  Harness core;
  core.fill(with_standby(1, 5));
  ASSERT_EQ(core.spares().size(), 5U);
  core.feed(PoolDesired{with_standby(1, 2)});
  EXPECT_EQ(core.wants<RemoveWorker>().size(), 3U);
  EXPECT_EQ(core.spares().size(), 2U);
}

TEST(Standby, NoneAreKeptForAPoolOfNoSlots) {
  for (const auto standby : {std::optional<std::uint32_t>{3}, std::optional<std::uint32_t>{}}) {
    Harness core;
    core.fill(with_standby(1, standby));
    core.feed(PoolDesired{with_standby(0, standby)});
    core.settle();
    EXPECT_TRUE(core.model().workers.empty());
  }
}

TEST(Standby, AnOldSpareIsReplacedBeforeItGoes) {
  Harness core;
  core.fill(with_standby(1, 1));
  const WorkerId old = core.spares().at(0);
  EXPECT_TRUE(Harness::of<StartWorker>(core.run(59min)).empty());
  const Decision later = core.run(61s);
  const auto starts = Harness::of<StartWorker>(later);
  ASSERT_EQ(starts.size(), 1U);
  EXPECT_TRUE(Harness::of<RemoveWorker>(later).empty());
  core.feed(WorkerStarted{starts[0].worker}, GateReady{starts[0].worker});
  ASSERT_EQ(core.wants<RemoveWorker>().size(), 1U);
  EXPECT_EQ(core.wants<RemoveWorker>()[0].worker, old);
  EXPECT_TRUE(core.wants<StartWorker>().empty());
}

TEST(Standby, OldSparesAreReplacedOneAtATime) {
  Harness core;
  core.fill(with_standby(1, 4));
  EXPECT_EQ(Harness::of<StartWorker>(core.run(60min + 1s)).size(), 1U);
  std::size_t most = 0;
  for (int i = 0; i < 20; ++i) {
    for (const WorkerId id : core.in(WorkerPhase::kStarting)) {
      core.feed(WorkerStarted{id}, GateReady{id});
    }
    most = std::max(most, core.in(WorkerPhase::kStarting).size());
    core.pass(1s);
  }
  EXPECT_EQ(most, 1U);
  for (const WorkerId id : core.spares()) EXPECT_GT(*core.worker(id).ready, core.now() - 1min);
  EXPECT_EQ(core.spares().size(), 4U);
}

TEST(Removal, KeepsUnderItsLimit) {
  Limits limits = roomy();
  limits.removes_inflight_max = 2;
  Harness core(limits);
  core.fill(with_standby(1, 6));
  core.feed(PoolDropped{"p"});
  EXPECT_EQ(core.wants<RemoveWorker>().size(), 2U);
  core.feed(WorkerRemoved{core.wants<RemoveWorker>().at(0).worker});
  EXPECT_EQ(core.wants<RemoveWorker>().size(), 1U);
}

}  // namespace
}  // namespace mayfly::core
