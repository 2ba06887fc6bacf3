#include "agent/fleet/report.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace mayfly::fleet {
namespace {

using Json = nlohmann::json;
using Who = coordinator::Writer::Who;

etcd::KeyValue stored(const std::string& value) {
  return {.key = "k", .value = value, .mod_revision = 9};
}

core::Model model_of(int pools) {
  core::Model model;
  for (int i = 0; i < pools; ++i) {
    core::Pool& pool = model.pools["pool-" + std::to_string(i)];
    pool.settings.name = "pool-" + std::to_string(i);
    pool.settings.replicas = 3;
    pool.counters.exits[core::ExitClass::kDone] = 5;
  }
  return model;
}

/// What a status is made of, kept for as long as it is told.
struct Told {
  core::Model model;
  agent::Catalog catalog;
  agent::Evidence evidence;
  std::map<std::string, std::int64_t> documents;
  std::map<std::string, std::string> refused;
  std::map<std::string, std::int64_t> refused_documents;
  std::vector<std::string> alarms;
  control::NodeScheduling ordered;
  core::EmptySlot why{core::EmptyReason::kBackoff, "exit 3"};

  [[nodiscard]] std::string text() const {
    return node_status({.model = model,
                        .catalog = catalog,
                        .evidence = evidence,
                        .why = [this](const auto&, auto) { return why; },
                        .ordered = ordered,
                        .documents = documents,
                        .refused = refused,
                        .refused_documents = refused_documents,
                        .alarms = alarms});
  }
  [[nodiscard]] Json json() const { return Json::parse(text()); }
};

Told told_of(int pools) {
  Told told;
  told.model = model_of(pools);
  return told;
}

TEST(FleetReport, TellsOfPoolsRefusalsAndAlarms) {
  Told told = told_of(2);
  told.documents = {{"pool-1", 17}};
  told.refused = {{"bad", "no JSON"}};
  told.refused_documents = {{"bad", 18}};
  told.alarms = {"an alarm"};
  const Json status = told.json();
  EXPECT_EQ(status["pools"]["pool-1"]["replicas"], 3);
  EXPECT_EQ(status["pools"]["pool-1"]["exits"]["done"], 5);
  EXPECT_EQ(status["pools"]["pool-1"]["document"], 17);
  EXPECT_EQ(status["pools"]["pool-0"]["document"], 0) << "it is the node's own";
  EXPECT_EQ(status["pools_left_out"], 0);
  EXPECT_EQ(status["refused"]["bad"], "no JSON");
  EXPECT_EQ(status["refused_documents"]["bad"], 18);
  EXPECT_EQ(status["alarms"][0], "an alarm");
}

TEST(FleetReport, TellsHowTheNodeStands) {
  Told told = told_of(0);
  EXPECT_EQ(told.json()["scheduling"], Json({{"state", "open"}, {"workers", 0}, {"order", ""}}));
  told.model.node_state = core::NodeState::kDraining;
  told.ordered.deadline_unix_ms = 5'000;
  told.ordered.order = "one";
  told.ordered.refused = std::string(5000, 'x');
  const Json draining = told.json()["scheduling"];
  EXPECT_EQ(draining["state"], "draining");
  EXPECT_EQ(draining["deadline_unix_ms"], 5'000);
  EXPECT_EQ(draining["order"], "one");
  EXPECT_EQ(draining["refused"].get<std::string>().size(), 300U);
}

TEST(FleetReport, TellsOfTheImageAndTheGaps) {
  Told told = told_of(1);
  config::Pool pool;
  pool.name = "pool-0";
  pool.worker.image = "i:1";
  told.catalog.put(pool, "", told.catalog.plan(pool, "sha256:00", 0));
  told.model.pools["pool-0"].settings.revision = core::Revision{1};
  EXPECT_FALSE(told.json()["pools"]["pool-0"].contains("gap_p50_us")) << "none was measured";
  told.evidence.pool("pool-0").gap.add(std::chrono::milliseconds(2));
  const Json row = told.json()["pools"]["pool-0"];
  EXPECT_EQ(row["image"], "i:1");
  EXPECT_EQ(row["image_digest"], "sha256:00");
  EXPECT_NEAR(row["gap_p50_us"].get<double>(), 2000, 200);
  EXPECT_NEAR(row["gap_p99_us"].get<double>(), 2000, 200);
}

TEST(FleetReport, PutsEmptySlotsOfOneReasonTogether) {
  Told told = told_of(1);
  for (std::uint32_t i = 0; i < 70; ++i) told.model.pools["pool-0"].slots[core::SlotIndex{i}] = {};
  const Json row = told.json()["pools"]["pool-0"];
  EXPECT_EQ(row["empty"], 70);
  ASSERT_EQ(row["why"].size(), 1U);
  EXPECT_EQ(row["why"][0]["reason"], "backoff");
  EXPECT_EQ(row["why"][0]["detail"], "exit 3");
  EXPECT_EQ(row["why"][0]["count"], 50) << "no more are asked about";
}

TEST(FleetReport, IsBoundedWhateverIsInIt) {
  Told told = told_of(2000);
  for (int i = 0; i < 1000; ++i) {
    told.refused["\xff" + std::to_string(i)] = std::string(5000, '\x80');
  }
  for (auto& [name, pool] : told.model.pools) pool.slots[core::SlotIndex{0}] = {};
  told.why.detail = std::string(5000, '\x80');
  told.alarms = {std::string(5000, 'x')};
  EXPECT_LE(told.text().size(), kReportBytesMax);
  const Json status = told.json();
  EXPECT_EQ(status["pools"].size() + status["pools_left_out"].get<std::size_t>(), 2000U);
  EXPECT_GT(status["pools"].size(), 100U);
}

TEST(FleetReport, IsTheSameWhileNothingHappens) {
  EXPECT_EQ(told_of(3).text(), told_of(3).text());
}

TEST(FleetReport, KnowsItsOwnWordsAgain) {
  const std::string status = told_of(1).text();
  const auto writer = writer_of(stored(sealed(status, "0a1b2c3d", 42)), "0a1b2c3d");
  EXPECT_EQ(writer.who, Who::kUs);
  EXPECT_EQ(writer.token, 42U);
  EXPECT_EQ(writer.mod_revision, 9);
  EXPECT_EQ(Json::parse(sealed(status, "0a1b2c3d", 42))["status"], Json::parse(status));
}

TEST(FleetReport, TakesNothingElseForItsOwn) {
  for (const char* value : {"", "x", "[]", "{}", R"({"instance":7})", R"({"instance":"other"})",
                            R"({"instance":"other","token":42})", R"({"instance":["0a1b2c3d"]})"}) {
    EXPECT_EQ(writer_of(stored(value), "0a1b2c3d").who, Who::kAnother) << value;
  }
  EXPECT_EQ(writer_of(stored(R"({"instance":"0a1b2c3d","token":"x"})"), "0a1b2c3d").token, 0U);
}

}  // namespace
}  // namespace mayfly::fleet
