// What is ordered of the node itself, as a session passes it on.
#include <gtest/gtest.h>

#include "agent/coordinator/session.h"

namespace mayfly::coordinator {
namespace {

using namespace std::chrono_literals;

const Keys kKeys("/mayfly/lab/");
const std::string kPools = kKeys.desired().key;
const std::string kOrder = kKeys.order("n1");
constexpr std::uint64_t kCluster = 7;

class OrderOfANode : public ::testing::Test {
 protected:
  Decision step(std::vector<Event> events = {}) {
    now += 10ms;
    last = session.step(now, events);
    for (const Action& action : last.actions) {
      if (const auto* list = std::get_if<List>(&action)) lists[list->range.key] = list->number;
      if (const auto* watch = std::get_if<Watch>(&action)) watches[watch->range.key] = *watch;
    }
    return last;
  }
  /// Steps when it is due until all of the key is asked for again.
  void await_list(const std::string& key) {
    const auto before = lists[key];
    for (int i = 0; i < 100 && lists[key] == before; ++i) {
      now = std::max(now, last.wake_at);
      step();
    }
    ASSERT_NE(lists[key], before);
  }

  Event listed(const std::string& key, std::int64_t revision, std::vector<etcd::KeyValue> kvs = {},
               std::uint64_t cluster = kCluster) {
    return Listed{lists.at(key), {{.cluster = cluster, .revision = revision}, std::move(kvs)}};
  }
  static etcd::KeyValue order(const std::string& value, std::int64_t revision) {
    return {.key = kOrder, .value = value, .mod_revision = revision};
  }
  /// The pools and the order are followed from revision 11 on.
  Decision connect(std::vector<etcd::KeyValue> orders = {}) {
    step();
    return step({listed(kPools, 10), listed(kOrder, 10, std::move(orders))});
  }

  static Session session_of(Baseline baseline) {
    return {kKeys, std::move(baseline), 1,
            Claims::Self{.node = "n1", .instance = "0a", .labels = {}, .kept = {}}};
  }

  Session session = session_of({});
  Time now{1h};
  Decision last;
  std::map<std::string, std::uint64_t> lists;
  std::map<std::string, Watch> watches;
};

TEST_F(OrderOfANode, IsPassedOnOnce) {
  const auto decision = connect({order("now", 8)});
  ASSERT_TRUE(decision.order);
  ASSERT_EQ(decision.order->size(), 1U);
  EXPECT_EQ(decision.order->front().value, "now");
  EXPECT_EQ(decision.order->front().mod_revision, 8);
  EXPECT_FALSE(step().order);
  await_list(kOrder);
  EXPECT_FALSE(step({listed(kOrder, 12, {order("now", 8)})}).order);
}

TEST_F(OrderOfANode, IsPassedOnWhenItsWatchBringsAnother) {
  connect({order("old", 8)});
  const etcd::WatchNews news{.changes = {{etcd::Change::Kind::kPut, order("new", 12)}}};
  const auto decision = step({WatchHeard{watches.at(kOrder).number, news}});
  ASSERT_TRUE(decision.order);
  EXPECT_EQ(decision.order->front().value, "new");
  EXPECT_FALSE(step({WatchHeard{watches.at(kOrder).number, news}}).order);
}

TEST_F(OrderOfANode, IsSaidNotToBeThere) {
  const auto decision = connect();
  ASSERT_TRUE(decision.order);
  EXPECT_TRUE(decision.order->empty());
}

TEST_F(OrderOfANode, IsNotTakenBeforeThePoolsAreSeen) {
  step();
  EXPECT_FALSE(step({listed(kOrder, 10, {order("early", 8)})}).order);
  EXPECT_TRUE(step({listed(kPools, 10)}).order);
}

/// As after a restart.
const Baseline kRemembered{
    .cluster = kCluster, .epoch = 0, .documents = {{"a", {.value = "v", .mod_revision = 8}}}};

TEST_F(OrderOfANode, WaitsForThePoolsAlsoWhereTheClusterIsKnown) {
  session = session_of(kRemembered);
  step();
  EXPECT_FALSE(step({listed(kOrder, 10, {order("early", 9)})}).order);
  EXPECT_TRUE(step({listed(kPools, 10)}).order);
}

TEST_F(OrderOfANode, IsNotTakenOfAnEtcdThatWentBack) {
  session = session_of(kRemembered);
  step();
  EXPECT_FALSE(step({listed(kPools, 5), listed(kOrder, 5, {order("restored", 4)})}).order);
  EXPECT_FALSE(session.alarms().empty());
}

TEST_F(OrderOfANode, IsNotTakenOfAnEtcdThatIsNotBelieved) {
  connect();
  const etcd::Error broken{etcd::ErrorKind::kFailed, etcd::kNoCode, "broken"};
  step({WatchEnded{watches.at(kOrder).number, broken}});
  await_list(kOrder);
  const auto restored = order("restored", 3);
  EXPECT_FALSE(step({listed(kOrder, 20, {restored}, 8)}).order) << "the pools' is another";
  step({WatchEnded{watches.at(kPools).number, broken}});
  await_list(kPools);
  EXPECT_FALSE(step({listed(kPools, 20, {}, 8)}).order);
  EXPECT_FALSE(session.alarms().empty());
}

}  // namespace
}  // namespace mayfly::coordinator
