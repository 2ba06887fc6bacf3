#include "agent/fleet/node_orders.h"

#include <gtest/gtest.h>

#include "agent/clock.h"
#include "tests/agent/fake_runtime.h"

namespace mayfly::fleet {
namespace {

using namespace std::chrono_literals;
using config::NodeOrder;
using control::ChangeKind;
using control::NodeResult;
using core::Scheduling;

NodeOrder cordon() {
  return {.scheduling = NodeOrder::Scheduling::kCordoned, .deadline = {}, .id = {}};
}
NodeOrder open_node() {
  return {};
}
NodeOrder drain(std::optional<std::chrono::seconds> deadline = std::nullopt) {
  return {.scheduling = NodeOrder::Scheduling::kDrained, .deadline = deadline, .id = {}};
}

class NodeOrdersTest : public testing::Test {
 protected:
  NodeOrdersTest() : core_(core::Limits{}, core::WorkerId{1}, 7) { begin(); }

  /// A run of the daemon, with what the store kept.
  void begin() {
    orders_.reset();
    node_ = {};
    (void)inbox_.take();
    orders_ = std::make_unique<NodeOrders>(NodeOrders::Parts{store_, core_.model(), inbox_, node_});
    orders_->restore();
  }
  void restart() {
    store_.rows.node = store_.node;
    begin();
  }
  /// What the core is told next.
  std::optional<core::NodeSettings> told() {
    std::optional<core::NodeSettings> settings;
    for (const core::Event& event : inbox_.take()) {
      settings = std::get<core::NodeDesired>(event).settings;
      (void)core_.step(agent::monotonic_now(), std::vector<core::Event>{event});
    }
    return settings;
  }
  tl::expected<NodeResult, control::Error> take(const NodeOrder& order) {
    tl::expected<NodeResult, control::Error> answer;
    orders_->take(order, [&answer](const auto& result) { answer = result; });
    return answer;
  }
  void add_pool(const std::string& name, std::uint32_t replicas) {
    core::PoolSettings settings;
    settings.name = name;
    settings.replicas = replicas;
    (void)core_.step(agent::monotonic_now(), std::vector<core::Event>{core::PoolDesired{settings}});
  }

  agent::FakeStore store_;
  core::Core core_;
  agent::Inbox inbox_;
  control::NodeStatus node_;
  std::unique_ptr<NodeOrders> orders_;
};

TEST_F(NodeOrdersTest, TellsTheCoreNothingWhereNothingWasOrdered) {
  EXPECT_FALSE(told());
  EXPECT_FALSE(node_.scheduling.since_unix_ms);
}

TEST_F(NodeOrdersTest, MakesACordonDurableWithWhatEachPoolKeeps) {
  add_pool("a", 3);
  EXPECT_EQ(take(cordon())->kind, ChangeKind::kChanged);
  const std::map<core::PoolName, std::uint32_t> kept{{"a", 3}};
  EXPECT_EQ(told()->kept, kept);
  add_pool("a", 5);
  EXPECT_EQ(take(cordon())->kind, ChangeKind::kUnchanged) << "or it would keep five";
  EXPECT_FALSE(told());
  restart();
  const auto settings = told();
  ASSERT_TRUE(settings);
  EXPECT_EQ(settings->scheduling, Scheduling::kCordoned);
  EXPECT_EQ(settings->kept, kept);
}

TEST_F(NodeOrdersTest, GivesADrainItsDeadlineByTheClockOfTheCore) {
  EXPECT_EQ(take(drain(100s))->kind, ChangeKind::kChanged);
  const auto settings = told();
  ASSERT_TRUE(settings);
  EXPECT_GT(settings->drain_until, agent::monotonic_now() + 60s);
  EXPECT_LE(settings->drain_until, agent::monotonic_now() + 100s);
  EXPECT_TRUE(node_.scheduling.deadline_unix_ms);
  EXPECT_EQ(take(drain())->kind, ChangeKind::kChanged);
  EXPECT_EQ(told()->drain_until, core::kNever);
  EXPECT_FALSE(node_.scheduling.deadline_unix_ms);
}

TEST_F(NodeOrdersTest, AppliesADeadlineThatPassedMeanwhile) {
  take(drain(100s));
  store_.node.ordered_ms -= 1'000'000;
  restart();
  EXPECT_LE(told()->drain_until, agent::monotonic_now());
}

TEST_F(NodeOrdersTest, TakesACordonOfADrainedNodeForGranted) {
  take(drain());
  (void)told();
  EXPECT_EQ(take(cordon())->kind, ChangeKind::kUnchanged);
  EXPECT_EQ(store_.node.scheduling, "drained");
  EXPECT_EQ(take(open_node())->kind, ChangeKind::kChanged);
  EXPECT_EQ(told()->scheduling, Scheduling::kOpen);
  EXPECT_EQ(take(open_node())->kind, ChangeKind::kUnchanged);
}

TEST_F(NodeOrdersTest, SaysWhenItCouldNotBeWrittenAndLeavesAllAsItWas) {
  store_.writes_fail = true;
  const auto answer = take(drain());
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().refusal, control::Refusal::kFailed);
  EXPECT_FALSE(told());
  store_.writes_fail = false;
  EXPECT_EQ(take(open_node())->kind, ChangeKind::kUnchanged) << "it is open";
}

// ---- the coordinator's

std::string document(const std::string& scheduling, const std::string& id) {
  return R"({"scheduling":")" + scheduling + R"(","id":")" + id + R"("})";
}

TEST_F(NodeOrdersTest, FollowsAnOrderOfTheCoordinatorOnce) {
  orders_->follow(document("drained", "one"), {1, 10});
  EXPECT_EQ(told()->scheduling, Scheduling::kDrained);
  EXPECT_EQ(node_.scheduling.order, "one");
  take(open_node());
  (void)told();
  orders_->follow(document("drained", "one"), {1, 10});
  EXPECT_FALSE(told()) << "somebody at the node said otherwise since";
  restart();
  EXPECT_EQ(told()->scheduling, Scheduling::kOpen);
  orders_->follow(document("drained", "one"), {1, 10});
  EXPECT_FALSE(told());
  EXPECT_EQ(node_.scheduling.order, "one");
  orders_->follow(document("drained", "two"), {1, 11});
  EXPECT_EQ(told()->scheduling, Scheduling::kDrained);
}

TEST_F(NodeOrdersTest, RemembersAnOrderThatChangesNothing) {
  orders_->follow(document("open", "one"), {1, 10});
  EXPECT_EQ(store_.node.order_id, "one");
  EXPECT_FALSE(told());
  restart();
  EXPECT_EQ(node_.scheduling.order, "one");
}

TEST_F(NodeOrdersTest, RefusesAnOrderThatIsOlderThanTheLastOne) {
  orders_->follow(document("cordoned", "one"), {1, 10});
  orders_->follow(document("open", "two"), {1, 12});
  (void)told();
  orders_->follow(document("cordoned", "one"), {1, 10});
  EXPECT_FALSE(told());
  EXPECT_NE(node_.scheduling.refused.find("older"), std::string::npos);
  orders_->follow(document("cordoned", "one"), {2, 10});
  EXPECT_EQ(told()->scheduling, Scheduling::kCordoned)
      << "people have said that this etcd is meant";
  EXPECT_EQ(node_.scheduling.refused, "");
}

TEST_F(NodeOrdersTest, RefusesWhatItCannotReadAndSaysWhy) {
  orders_->follow("no JSON", {1, 10});
  EXPECT_FALSE(told());
  EXPECT_NE(node_.scheduling.refused.find("JSON"), std::string::npos);
  orders_->follow_none();
  EXPECT_EQ(node_.scheduling.refused, "");
}

TEST_F(NodeOrdersTest, TriesAnOrderAgainThatCouldNotBeWritten) {
  store_.writes_fail = true;
  orders_->follow(document("drained", "one"), {1, 10});
  EXPECT_NE(node_.scheduling.refused.find("could not be written"), std::string::npos);
  EXPECT_FALSE(told());
  store_.writes_fail = false;
  orders_->follow(document("drained", "one"), {1, 10});
  EXPECT_EQ(told()->scheduling, Scheduling::kDrained);
  EXPECT_EQ(node_.scheduling.refused, "");
}

// ---- the clock

TEST(TimeLeft, IsNeverMoreThanTheWholeNorLessThanNothing) {
  store::NodeOrder row;
  EXPECT_FALSE(time_left(row, 5'000));
  row.deadline_s = 100;
  row.ordered_ms = 1'000'000;
  EXPECT_EQ(time_left(row, 1'000'000), 100s);
  EXPECT_EQ(time_left(row, 1'030'000), 70s);
  EXPECT_EQ(time_left(row, 1'100'000), 0s);
  EXPECT_EQ(time_left(row, 9'000'000), 0s);
  EXPECT_EQ(time_left(row, 0), 100s) << "a clock that went back gives no more than was given";
}

}  // namespace
}  // namespace mayfly::fleet
