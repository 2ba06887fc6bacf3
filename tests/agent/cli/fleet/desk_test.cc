#include "agent/cli/fleet/desk.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/agent/cli/fleet/fake_store.h"

namespace mayfly::cli::fleet {
namespace {

using Json = nlohmann::json;
using Fate = FakeStore::Fate;

const std::string kPool = "/mayfly/lab/pools/encode";
const std::string kOld = "/mayfly/lab/pools-history/encode/";

config::FleetPool document(std::uint32_t replicas) {
  config::FleetPool made;
  made.pool.name = "encode";
  made.pool.worker.image = "i";
  made.pool.replicas = replicas;
  return made;
}

class DeskTest : public testing::Test {
 protected:
  PoolKey read(Desk& desk) {
    const auto key = desk.pool("encode");
    EXPECT_TRUE(key);
    return *key;
  }
  /// The revision that is there afterwards.
  std::uint32_t write(Desk& desk, std::uint32_t replicas) {
    const auto written = desk.write(read(desk), document(replicas));
    EXPECT_TRUE(written) << written.error().what;
    EXPECT_EQ(written ? written->overtaken : "", "");
    return written ? written->revision : 0;
  }
  [[nodiscard]] Json stored() const { return Json::parse(value(store, kPool)); }

  FakeStore store;
  Desk anna{store, "lab", author("anna")};
  Desk bert{store, "lab", author("bert")};
};

TEST_F(DeskTest, GivesEachDocumentARevisionAndKeepsTheOld) {
  EXPECT_EQ(write(anna, 1), 1U);
  EXPECT_EQ(write(bert, 2), 2U);
  EXPECT_EQ(stored()["revision"], 2);
  EXPECT_EQ(stored()["changed_by"], "bert");
  EXPECT_EQ(value(store, kOld + "0000000002"), value(store, kPool));
  EXPECT_EQ(Json::parse(value(store, kOld + "0000000001"))["replicas"], 1);
}

TEST_F(DeskTest, KeepsTheNewestTwentyOfTheHistory) {
  for (std::uint32_t i = 1; i <= 25; ++i) write(anna, i);
  const auto history = anna.history("encode");
  ASSERT_TRUE(history);
  ASSERT_EQ(history->size(), 20U);
  EXPECT_EQ(history->front().document.stamp.revision, 6U);
  EXPECT_EQ(history->back().document.stamp.revision, 25U);
}

TEST_F(DeskTest, GoesOnCountingWhenTheKeyIsGone) {
  write(anna, 1);
  write(anna, 2);
  store.etcd.remove(kPool);
  EXPECT_EQ(write(anna, 3), 3U);
}

TEST_F(DeskTest, DoesNotCountBeyondTheLastRevision) {
  store.etcd.put(kPool, R"({"name":"encode","image":"i","revision":4294967295})");
  const auto written = anna.write(read(anna), document(3));
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, ExitCode::kError);
  EXPECT_EQ(store.commits, 0U);
}

TEST_F(DeskTest, OverwritesNothingThatSomebodyElseHasPutMeanwhile) {
  write(anna, 1);
  const PoolKey seen = read(anna);
  write(bert, 7);
  const auto written = anna.write(seen, document(2));
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, ExitCode::kRefused);
  EXPECT_NE(written.error().what.find("revision 2, by bert at 2026-01-01T12:00:00Z"),
            std::string::npos)
      << written.error().what;
  EXPECT_EQ(stored()["replicas"], 7);
  const auto history = anna.history("encode");
  EXPECT_EQ(history->size(), 2U) << "nothing of the refused one";
}

TEST_F(DeskTest, SaysSoWhenTheKeyIsGoneMeanwhile) {
  write(anna, 1);
  const PoolKey seen = read(anna);
  store.etcd.remove(kPool);
  const auto written = anna.write(seen, document(2));
  ASSERT_FALSE(written);
  EXPECT_NE(written.error().what.find("its key was removed"), std::string::npos);
}

TEST_F(DeskTest, KnowsItsOwnWriteWhoseAnswerWasLost) {
  store.fates = {Fate::kAnswerLost};
  EXPECT_EQ(write(anna, 3), 1U);
  EXPECT_EQ(store.commits, 2U);
  EXPECT_EQ(anna.history("encode")->size(), 1U) << "it was done once";
  EXPECT_EQ(anna.pool("encode")->mod_revision, store.etcd.find(kPool)->mod_revision);
}

TEST_F(DeskTest, WritesAgainWhatWasLostOnTheWay) {
  store.fates = {Fate::kRequestLost};
  EXPECT_EQ(write(anna, 3), 1U);
  EXPECT_EQ(stored()["replicas"], 3);
}

TEST_F(DeskTest, KnowsItsOwnWriteAlsoWhenItWasOvertaken) {
  write(anna, 1);
  store.fates = {Fate::kAnswerLost, Fate::kAnswered};
  bool acted = false;
  store.before_commit = [this, &acted] {
    if (store.commits != 3 || acted) return;
    acted = true;  // between anna's write and her look at what became of it
    store.etcd.put(kPool, R"({"name":"encode","image":"x","revision":3,"changed_by":"bert"})");
  };
  const auto written = anna.write(read(anna), document(2));
  ASSERT_TRUE(written) << written.error().what;
  EXPECT_EQ(written->revision, 2U);
  EXPECT_NE(written->overtaken.find("by bert"), std::string::npos);
}

TEST_F(DeskTest, SaysThatItDoesNotKnow) {
  store.fates = {Fate::kRequestLost, Fate::kRequestLost, Fate::kRequestLost, Fate::kAnswered};
  const auto written = anna.write(read(anna), document(3));
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, ExitCode::kTimedOut);
  EXPECT_NE(written.error().what.find("is not known"), std::string::npos);
  EXPECT_EQ(store.commits, 3U);
}

TEST_F(DeskTest, SaysWhyNothingWasDone) {
  store.fates = {Fate::kDown};
  auto written = anna.write(read(anna), document(3));
  EXPECT_EQ(written.error().code, ExitCode::kNoDaemon);
  EXPECT_EQ(store.commits, 1U);
  store.fates = {Fate::kRefused};
  written = anna.write(read(anna), document(3));
  EXPECT_EQ(written.error().code, ExitCode::kRefused);
  store.is_down = true;
  EXPECT_EQ(anna.pools().error().code, ExitCode::kNoDaemon);
}

TEST_F(DeskTest, SaysWhatIsWrongWithADocumentOfAnothers) {
  store.etcd.put(kPool, "not JSON");
  store.etcd.put("/mayfly/lab/pools/other", R"({"name":"encode","image":"i"})");
  const auto pools = anna.pools();
  ASSERT_TRUE(pools);
  EXPECT_NE(pools->at(0).fault.find("not valid JSON"), std::string::npos);
  EXPECT_NE(pools->at(1).fault.find("that of its key"), std::string::npos);
}

TEST_F(DeskTest, OrdersANodeOnce) {
  EXPECT_EQ(anna.order("a", {"drained", std::nullopt, false}).error().code, ExitCode::kNotFound);
  store.etcd.put("/mayfly/lab/nodes/a/info", "{}");
  store.fates = {Fate::kAnswerLost};
  ASSERT_TRUE(anna.order("a", {"drained", 60, false}));
  EXPECT_EQ(Json::parse(value(store, "/mayfly/lab/nodes/a/desired")),
            (Json{{"scheduling", "drained"}, {"deadline_s", 60}, {"id", "anna-1"}}));
  store.before_commit = [this] { store.etcd.put("/mayfly/lab/nodes/a/desired", "{}"); };
  const auto late = anna.order("a", {"open", std::nullopt, false});
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, ExitCode::kRefused);
}

}  // namespace
}  // namespace mayfly::cli::fleet
