#include "agent/control/views.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "agent/control/names.h"
#include "tests/agent/control/fake_operations.h"

namespace mayfly::control {
namespace {

using namespace std::chrono_literals;

class Views : public testing::Test {
 protected:
  [[nodiscard]] Moment moment() const { return {operations_.time, 1'700'000'000'123}; }
  Json status() { return status_view(operations_, moment()); }

  boost::asio::io_context loop_;
  FakeOperations operations_{loop_};
};

TEST_F(Views, CountsWhatEachPoolHas) {
  core::Pool& pool = operations_.add_pool("encode", 4);
  operations_.add_running("encode", 0);
  operations_.add_running("encode", 1).phase = core::WorkerPhase::kStopping;
  operations_.add_running("encode", 2).revision = core::Revision{9};
  operations_.add_spare("encode");
  operations_.add_spare("encode").gate_ready = false;
  pool.standby_target = 2;
  pool.counters.spare_hits = 7;
  pool.counters.exits[core::ExitClass::kDone] = 5;
  const Json row = status()["pools"][0];
  EXPECT_EQ(row["name"], "encode");
  EXPECT_EQ(row["running"], 2);
  EXPECT_EQ(row["stopping"], 1);
  EXPECT_EQ(row["empty"], 1);
  EXPECT_EQ(row["outdated"], 1);
  EXPECT_EQ(row["spares_ready"], 1);
  EXPECT_EQ(row["spares_starting"], 1);
  EXPECT_EQ(row["spares_wanted"], 2);
  EXPECT_EQ(row["spare_hits"], 7);
  EXPECT_EQ(row["exits"]["done"], 5);
  EXPECT_EQ(row["exits"]["fail"], 0);
}

TEST_F(Views, SumPoolsIntoTotals) {
  operations_.add_pool("a", 2).counters.spare_hits = 3;
  operations_.add_pool("b", 1).counters.spare_hits = 4;
  operations_.add_running("a", 0);
  operations_.add_running("b", 0);
  operations_.add_spare("a");
  for (int i = 0; i < 99; ++i) operations_.seen.pool("a").gap.add(700us);
  operations_.seen.pool("b").gap.add(20ms);
  const Json totals = status()["totals"];
  EXPECT_EQ(totals["pools"], 2);
  EXPECT_EQ(totals["replicas"], 3);
  EXPECT_EQ(totals["workers_running"], 2);
  EXPECT_EQ(totals["slots_empty"], 1);
  EXPECT_EQ(totals["spares_ready"], 1);
  EXPECT_EQ(totals["spare_hits"], 7);
  EXPECT_NEAR(totals["gap_p50_us"].get<double>(), 700, 100);
  EXPECT_LT(totals["gap_p99_us"].get<double>(), 1000);
}

TEST_F(Views, GiveAQuantileOfOnePoolAsItsHistogramDoes) {
  agent::Histogram histogram;
  for (int i = 1; i <= 1000; ++i) histogram.add(std::chrono::microseconds(i * 3));
  for (const double q : {0.01, 0.5, 0.9, 0.99}) {
    const double wanted = static_cast<double>(to_us(histogram.quantile(q)));
    EXPECT_NEAR(static_cast<double>(quantile_us({&histogram}, q)), wanted, 1 + wanted * 0.01) << q;
  }
  EXPECT_EQ(quantile_us({}, 0.5), 0);
}

TEST_F(Views, TellWhatStateAPoolIsIn) {
  core::Pool& pool = operations_.add_pool("encode", 1);
  const auto state = [&] { return status()["pools"][0]["state"].get<std::string>(); };
  EXPECT_EQ(state(), "filling");
  pool.failures = 1;
  EXPECT_EQ(state(), "failing");
  pool.failures = 0;
  pool.starts.failure = "no space left";
  EXPECT_EQ(state(), "failing");
  pool.starts.failure.clear();
  core::Worker& worker = operations_.add_running("encode", 0);
  EXPECT_EQ(state(), "full");
  pool.settings.revision = core::Revision{2};
  EXPECT_EQ(state(), "updating");
  pool.prepare_failure = "not found";
  EXPECT_EQ(state(), "failing");
  pool.prepare_failure.clear();
  pool.active = core::Revision{2};
  EXPECT_EQ(state(), "updating");
  worker.revision = core::Revision{2};
  EXPECT_EQ(state(), "full");
  pool.settings.paused = true;
  EXPECT_EQ(state(), "paused");
  operations_.world.node_state = core::NodeState::kDraining;
  EXPECT_EQ(state(), "draining");
  operations_.world.node_state = core::NodeState::kDrained;
  EXPECT_EQ(state(), "drained");
  pool.dropped = true;
  EXPECT_EQ(state(), "deleting");
}

TEST_F(Views, CallAPoolCordonedWhereThatAloneKeepsItFromBeingFull) {
  core::Pool& pool = operations_.add_pool("encode", 2);
  operations_.world.node_state = core::NodeState::kCordoned;
  pool.slots.at(1).withheld = true;
  EXPECT_EQ(status()["pools"][0]["state"], "filling");
  operations_.add_running("encode", 0);
  EXPECT_EQ(status()["pools"][0]["state"], "cordoned");
  pool.slots.at(1).withheld = false;
  EXPECT_EQ(status()["pools"][0]["state"], "filling");
}

TEST_F(Views, TellHowFarADrainIs) {
  const auto scheduling = [&] { return status()["node"]["scheduling"]; };
  EXPECT_EQ(scheduling()["state"], "open");
  EXPECT_TRUE(scheduling()["since_at"].is_null());
  EXPECT_TRUE(scheduling()["deadline_at"].is_null());
  operations_.add_pool("encode", 2);
  operations_.add_running("encode", 0);
  operations_.add_running("encode", 1).phase = core::WorkerPhase::kStopping;
  operations_.add_spare("encode");
  operations_.status.scheduling.since_unix_ms = 1'700'000'000'000;
  core::Model& model = operations_.world;
  model.node_state = core::NodeState::kDraining;
  model.node = {.scheduling = core::Scheduling::kDrained, .drain_until = operations_.time + 1500ms};
  Json view = scheduling();
  EXPECT_EQ(view["state"], "draining");
  EXPECT_EQ(view["since_at"], "2023-11-14T22:13:20.000Z");
  EXPECT_EQ(view["deadline_at"], "2023-11-14T22:13:21.623Z");
  EXPECT_EQ(view["deadline_in_ms"], 1500);
  EXPECT_EQ(view["running"], 1);
  EXPECT_EQ(view["stopping"], 1);
  EXPECT_EQ(view["containers"], 3);
  model.node.drain_until = operations_.time - 1s;
  EXPECT_EQ(scheduling()["deadline_in_ms"], 0);
  model.node.drain_until = core::kNever;
  EXPECT_TRUE(scheduling()["deadline_in_ms"].is_null());
  operations_.status.scheduling.order = "one";
  operations_.status.scheduling.refused = "no JSON";
  EXPECT_EQ(scheduling()["order"], "one");
  EXPECT_EQ(scheduling()["order_refused"], "no JSON");
}

TEST_F(Views, ListEmptySlotsWithReasonAndNextAttempt) {
  operations_.add_pool("encode", 2);
  operations_.reasons[0] = {core::EmptyReason::kStartsFailing, "disk full",
                            operations_.time + 1500ms};
  operations_.reasons[1] = {core::EmptyReason::kPaused, "", core::kNever};
  const Json slots = status()["empty_slots"];
  ASSERT_EQ(slots.size(), 2U);
  EXPECT_EQ(slots[0]["reason"], "starts_failing");
  EXPECT_EQ(slots[0]["next_attempt_in_ms"], 1500);
  EXPECT_EQ(slots[0]["next_attempt_at"], "2023-11-14T22:13:21.623Z");
  EXPECT_EQ(slots[1]["reason"], "paused");
  EXPECT_TRUE(slots[1]["next_attempt_at"].is_null());
}

TEST_F(Views, ListABoundedNumberOfEmptySlots) {
  operations_.add_pool("a", 80);
  operations_.add_pool("b", 80);
  const Json view = status();
  EXPECT_EQ(view["empty_slots"].size(), kEmptySlotsListed);
  EXPECT_EQ(view["totals"]["slots_empty"], 160);
}

TEST_F(Views, ShowNodeRuntimeAndWarnings) {
  operations_.status.started_unix_ms = 1'699'999'990'123;
  operations_.status.warnings = {"no group"};
  operations_.world.runtime_up = false;
  operations_.world.runtime_fault = "connection refused";
  const Json view = status();
  EXPECT_EQ(view["node"]["uptime_ms"], 10'000);
  EXPECT_EQ(view["runtime"]["state"], "down");
  EXPECT_EQ(view["runtime"]["fault"], "connection refused");
  EXPECT_EQ(view["warnings"][0], "no group");
}

TEST_F(Views, ShowAWorkersLifeAsDates) {
  operations_.add_pool("encode", 1);
  const core::Worker& worker = operations_.add_running("encode", 0);
  const Json row = worker_view(operations_, worker, moment());
  EXPECT_EQ(row["name"], "encode-1");
  EXPECT_EQ(row["phase"], "running");
  EXPECT_EQ(row["age_ms"], 5000);
  EXPECT_EQ(row["running_at"], "2023-11-14T22:13:15.123Z");
  EXPECT_TRUE(row["exited_at"].is_null());
  EXPECT_EQ(row["respawn_gap_us"], 710);
}

TEST_F(Views, DescribeAPoolWithItsSpecAndRevisions) {
  operations_.add_pool("encode", 1);
  PoolDetail& detail = operations_.details["encode"];
  detail.source = "/etc/mayfly/pools.d/encode.toml";
  detail.revisions.push_back(
      {"encode", 1, "abc", R"({"image": "encode:1"})", "sha256:12", 1'700'000'000'000});
  const Json view = pool_view(operations_, detail, moment());
  EXPECT_EQ(view["desired"]["name"], "encode");
  EXPECT_EQ(view["revisions"][0]["spec"]["image"], "encode:1");
  EXPECT_EQ(view["source"], "/etc/mayfly/pools.d/encode.toml");
}

TEST_F(Views, SayThatAnUnknownStatusIsUnknown) {
  store::Exit exit;
  exit.worker = "encode-1";
  exit.exit_class = "lost";
  const Json row = exit_view(exit);
  EXPECT_TRUE(row["code"].is_null());
  EXPECT_TRUE(row["signal"].is_null());
  EXPECT_TRUE(row["gap_us"].is_null());
}

TEST_F(Views, SurviveTextThatIsNotUtf8) {
  store::Exit exit;
  exit.stderr_tail = "caf\xe9 \xff";
  EXPECT_NE(render(exit_view(exit)).find("caf\xef\xbf\xbd"), std::string::npos);
}

TEST(Rfc3339, PrintsUtcWithMilliseconds) {
  EXPECT_EQ(rfc3339(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(rfc3339(1'700'000'000'042), "2023-11-14T22:13:20.042Z");
  EXPECT_EQ(rfc3339(-1), "1969-12-31T23:59:59.999Z");
}

TEST(Names, AreDistinct) {
  std::set<std::string_view> classes;
  for (const auto value : kExitClasses) classes.insert(name(value));
  EXPECT_EQ(classes.size(), kExitClasses.size());
  std::set<std::string_view> reasons;
  for (const auto value : kEmptyReasons) reasons.insert(name(value));
  EXPECT_EQ(reasons.size(), kEmptyReasons.size());
  EXPECT_FALSE(classes.contains("unknown"));
}

TEST_F(Views, TellHowTheNodeStandsWithItsCoordinator) {
  EXPECT_TRUE(status()["coordinator"].is_null());
  CoordinatorStatus& coordinator = operations_.status.coordinator.emplace();
  coordinator = {"east", "https://a:2379", "connecting", {}, {"an alarm"}, {{"a", "bad"}}};
  EXPECT_TRUE(status()["coordinator"]["last_contact_at"].is_null());
  coordinator.last_contact_unix_ms = 1'700'000'000'000;
  const Json view = status()["coordinator"];
  EXPECT_EQ(view["cluster"], "east");
  EXPECT_EQ(view["last_contact_age_ms"], 123);
  EXPECT_EQ(view["alarms"][0], "an alarm");
  EXPECT_EQ(view["refused"][0]["pool"], "a");
  EXPECT_EQ(view["refused"][0]["why"], "bad");
}

TEST_F(Views, TellWhatBecomesOfEventsForTheWebhook) {
  EXPECT_TRUE(status()["webhook"].is_null());
  operations_.status.webhook = {.url = "https://a",
                                .fault = "it answers 500",
                                .waiting = 1,
                                .sent = 2,
                                .refused = 3,
                                .dropped = 4};
  const Json view = status()["webhook"];
  EXPECT_EQ(view["url"], "https://a");
  EXPECT_EQ(view["fault"], "it answers 500");
  EXPECT_EQ(view["waiting"], 1);
  EXPECT_EQ(view["sent"], 2);
  EXPECT_EQ(view["refused"], 3);
  EXPECT_EQ(view["dropped"], 4);
}

TEST_F(Views, NameTheWorkerOfAnEventWhenItHasGone) {
  agent::NumberedTransition event;
  event.transition.pool = "encode";
  event.transition.worker = core::WorkerId{9};
  ASSERT_FALSE(operations_.world.workers.contains(core::WorkerId{9}));
  EXPECT_EQ(event_view(operations_, event)["worker"], "encode-9");
}

}  // namespace
}  // namespace mayfly::control
