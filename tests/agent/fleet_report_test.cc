#include "agent/fleet_report.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace mayfly::agent {
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

TEST(FleetReport, TellsOfPoolsRefusalsAndAlarms) {
  const Json status =
      Json::parse(fleet_status(model_of(2), {}, {{"bad", "no JSON"}}, {"an alarm"}));
  EXPECT_EQ(status["pools"]["pool-1"]["replicas"], 3);
  EXPECT_EQ(status["pools"]["pool-1"]["exits"]["done"], 5);
  EXPECT_EQ(status["pools_left_out"], 0);
  EXPECT_EQ(status["refused"]["bad"], "no JSON");
  EXPECT_EQ(status["alarms"][0], "an alarm");
}

TEST(FleetReport, TellsHowTheNodeStands) {
  core::Model model = model_of(0);
  const Json open = Json::parse(fleet_status(model, {}, {}, {}))["scheduling"];
  EXPECT_EQ(open, Json({{"state", "open"}, {"workers", 0}, {"order", ""}}));
  model.node_state = core::NodeState::kDraining;
  control::NodeScheduling ordered;
  ordered.deadline_unix_ms = 5'000;
  ordered.order = "one";
  ordered.refused = std::string(5000, 'x');
  const Json draining = Json::parse(fleet_status(model, ordered, {}, {}))["scheduling"];
  EXPECT_EQ(draining["state"], "draining");
  EXPECT_EQ(draining["deadline_unix_ms"], 5'000);
  EXPECT_EQ(draining["order"], "one");
  EXPECT_EQ(draining["refused"].get<std::string>().size(), 300U);
}

TEST(FleetReport, IsBoundedWhateverIsInIt) {
  std::map<std::string, std::string> refused;
  for (int i = 0; i < 1000; ++i) refused["\xff" + std::to_string(i)] = std::string(5000, '\x80');
  const std::string text = fleet_status(model_of(2000), {}, refused, {std::string(5000, 'x')});
  EXPECT_LE(text.size(), kReportBytesMax);
  const Json status = Json::parse(text);
  EXPECT_EQ(status["pools"].size() + status["pools_left_out"].get<std::size_t>(), 2000U);
}

TEST(FleetReport, IsTheSameWhileNothingHappens) {
  EXPECT_EQ(fleet_status(model_of(3), {}, {}, {}), fleet_status(model_of(3), {}, {}, {}));
}

TEST(FleetReport, KnowsItsOwnWordsAgain) {
  const std::string status = fleet_status(model_of(1), {}, {}, {});
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
}  // namespace mayfly::agent
