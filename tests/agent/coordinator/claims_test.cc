// What a node asks of etcd for its slots, event by event. What becomes of many nodes: fleet_world.
#include "agent/coordinator/claims.h"

#include <gtest/gtest.h>

#include "agent/coordinator/session.h"

namespace mayfly::coordinator {
namespace {

using namespace std::chrono_literals;

const Keys kKeys("/mayfly/main/");

// ---- shares

TEST(Share, IsTheSameForAllWithinOneAndAddsUp) {
  const std::vector<std::string> nodes{"a", "b", "c", "d"};
  for (std::uint32_t slots = 0; slots < 20; ++slots) {
    std::uint32_t all = 0;
    for (const std::string& node : nodes) {
      const std::uint32_t share = share_of(node, nodes, "pool", slots);
      EXPECT_GE(share, slots / 4);
      EXPECT_LE(share, slots / 4 + 1);
      all += share;
    }
    EXPECT_EQ(all, slots);
  }
}

TEST(Share, GivesTheOneMoreToOthersForAnotherPool) {
  const std::vector<std::string> nodes{"a", "b", "c", "d"};
  std::set<std::string> lucky;
  for (int pool = 0; pool < 40; ++pool) {
    for (const std::string& node : nodes) {
      if (share_of(node, nodes, std::to_string(pool), 1) == 1) lucky.insert(node);
    }
  }
  EXPECT_EQ(lucky.size(), 4U);
}

TEST(Share, IsWhatEveryVersionWorksOut) {
  EXPECT_EQ(rank_of("encode", "node-1"), rank_of("encode", "node-1"));
  EXPECT_NE(rank_of("encode", "node-1"), rank_of("encode", "node-2"));
  EXPECT_EQ(share_of("a", {"a"}, "pool", 5000), kShareMax);
}

// ---- what stands in etcd

TEST(ClaimText, IsReadAsItWasWritten) {
  const Claim claim{"encode", 7, "n", "i"};
  const auto read = claim_of({.key = kKeys.slot("encode", 7), .value = claim_text(claim, 3)});
  ASSERT_TRUE(read);
  EXPECT_EQ(read->pool, "encode");
  EXPECT_EQ(read->slot, 7U);
  EXPECT_EQ(read->node, "n");
  EXPECT_EQ(read->instance, "i");
  const Member member{"i", {{"zone", "east"}}, kOpen};
  EXPECT_EQ(*member_of({.value = member_text(member)}), member);
}

TEST(ClaimText, TakesAnythingThatPeopleWrite) {
  for (const char* value : {"", "x", "[]", "7", R"({"node":7})", R"({"instance":[]})"}) {
    const auto claim = claim_of({.key = kKeys.slot("a", 0), .value = value});
    ASSERT_TRUE(claim) << "somebody's, whoever that is";
    EXPECT_EQ(claim->instance, "");
    EXPECT_TRUE(member_of({.value = value})->instance.empty());
  }
  for (const char* key :
       {"", "/", "x", "/mayfly/main/slots/a/", "/mayfly/main/slots/a/x", "/mayfly/main/slots/a/-1",
        "/mayfly/main/slots/a/01", "/mayfly/main/slots/a/99999999999"}) {
    EXPECT_FALSE(claim_of({.key = key, .value = "{}"})) << key;
  }
}

// ---- the node

/// A claim of this node's, under the lease of an earlier run.
const etcd::KeyValue kOfBefore{.key = kKeys.slot("a", 0),
                               .value = claim_text({"a", 0, "n", "i"}, 1),
                               .mod_revision = 9,
                               .lease = 3};

class ClaimsTest : public ::testing::Test {
 protected:
  static Claims::Self self(Slots kept = {}) {
    return {.node = "n", .instance = "i", .labels = {}, .ttl_s = 60, .kept = std::move(kept)};
  }
  void step(std::vector<Event> events = {}) {
    actions.clear();
    Turn turn{now, actions, last_number, chance};
    for (const Event& event : events) take(event, turn);
    claims.advance(Claims::Trust::kFull, turn);
  }
  void take(const Event& event, Turn& turn) {
    if (const auto* each = std::get_if<Listed>(&event)) claims.take_by_parts(*each, turn);
    if (const auto* each = std::get_if<WatchHeard>(&event)) claims.take_by_parts(*each, turn);
    if (const auto* each = std::get_if<LeaseGranted>(&event)) claims.take(*each, turn);
    if (const auto* each = std::get_if<LeaseKept>(&event)) claims.take_by_keeper(*each, turn);
    if (const auto* each = std::get_if<KeyWritten>(&event)) claims.take(*each, turn);
    if (const auto* each = std::get_if<KeyConflicted>(&event)) claims.take(*each, turn);
    if (const auto* each = std::get_if<KeyFailed>(&event)) claims.take(*each, turn);
    if (const auto* each = std::get_if<PoolsShared>(&event)) claims.take(*each);
    if (const auto* each = std::get_if<PlacesChanged>(&event)) claims.take(*each);
    if (const auto* each = std::get_if<SchedulingChanged>(&event)) claims.take(*each);
  }
  template <class T>
  std::vector<T> asked() const {
    std::vector<T> found;
    for (const Action& action : actions) {
      if (const auto* each = std::get_if<T>(&action)) found.push_back(*each);
    }
    return found;
  }
  static etcd::RangeAnswer listing(std::vector<etcd::KeyValue> kvs = {}) {
    return {.header = {.cluster = 7, .revision = 10}, .kvs = std::move(kvs)};
  }

  /// With lease 5, and these slots in etcd; it has asked to be a member.
  void connect(std::vector<etcd::KeyValue> slots = {}, const char* scheduling = kOpen) {
    step({SchedulingChanged{scheduling}, PoolsShared{{{"a", {2, {}}}}}, PlacesChanged{{{"a", 0}}}});
    const auto lists = asked<List>();
    const auto grant = asked<GrantLease>().at(0);
    step({Listed{lists.at(0).number, listing()}, Listed{lists.at(1).number, listing(slots)},
          LeaseGranted{grant.number, {.id = 5, .ttl_s = 60}}});
  }
  /// Answers the one write that is out.
  void written() {
    const auto puts = asked<PutKey>();
    ASSERT_EQ(puts.size(), 1U);
    step({KeyWritten{puts[0].number, ++revision}});
  }

  /// Those that it asks for next, of members and slots; its lease is kept meanwhile.
  std::vector<List> next_lists() {
    std::vector<List> lists;
    while (lists.size() < 2) {
      now += 1s;
      step();
      for (const List& list : asked<List>()) lists.push_back(list);
      for (const KeepLease& keep : asked<KeepLease>()) {
        step({LeaseKept{keep.number, {.id = 5, .ttl_s = 60}}});
        for (const List& list : asked<List>()) lists.push_back(list);
      }
    }
    return lists;
  }

  Claims claims{kKeys, self()};
  Time now{1h};
  std::vector<Action> actions;
  std::uint64_t last_number = 0;
  std::int64_t revision = 10;
  Chance chance{1};
};

TEST_F(ClaimsTest, BecomesAMemberThenClaimsWhatIsFree) {
  connect();
  EXPECT_EQ(asked<PutKey>().at(0).key, kKeys.member("n"));
  EXPECT_EQ(asked<PutKey>().at(0).lease, 5);
  written();
  EXPECT_TRUE(asked<PutKey>().empty()) << "the others are given time to come back";
  now += 5s;
  step();
  const auto claim = asked<PutKey>().at(0);
  EXPECT_EQ(claim.expected_revision, 0);
  EXPECT_EQ(claims.workers("a"), 0U) << "not before etcd has said so";
  written();
  EXPECT_EQ(claims.workers("a"), 1U);
  written();
  EXPECT_EQ(claims.workers("a"), 2U);
  EXPECT_TRUE(actions.empty()) << "all are taken";
}

TEST_F(ClaimsTest, DoesNotCountAClaimThatIsConfirmedAfterItsLease) {
  connect();
  written();
  now += 5s;
  step();
  const auto claim = asked<PutKey>().at(0);
  now += 60s;
  step({KeyWritten{claim.number, ++revision}});
  EXPECT_EQ(claims.workers("a"), 0U);
}

TEST_F(ClaimsTest, GoesOnWithWhatItHeldAndLosesItOnlyToAnother) {
  claims = Claims(kKeys, self({{"a", {0, 1}}}));
  EXPECT_EQ(claims.workers("a"), 2U);
  const etcd::KeyValue theirs{.key = kKeys.slot("a", 0),
                              .value = claim_text({"a", 0, "m", "j"}, 1),
                              .mod_revision = 9,
                              .lease = 3};
  connect({theirs});
  EXPECT_EQ(claims.workers("a"), 1U);
  EXPECT_EQ(asked<PutKey>().at(0).key, kKeys.slot("a", 1)) << "its own it takes back at once";
  now += 1h;
  step();
  EXPECT_EQ(claims.workers("a"), 1U) << "whatever becomes of its lease";
}

TEST_F(ClaimsTest, WaitsForTheOthersIfItWasAwayForLongerThanItsLease) {
  claims = Claims(kKeys, self({{"a", {0}}}));
  connect();
  EXPECT_EQ(asked<PutKey>().at(0).key, kKeys.slot("a", 0)) << "its own it takes back at once";
  written();
  EXPECT_TRUE(actions.empty()) << "what nobody has may be lived for by one that is still away";
  now += 39s;
  step();
  EXPECT_TRUE(asked<PutKey>().empty());
  now += 1s;
  step();
  EXPECT_EQ(asked<PutKey>().at(0).key, kKeys.member("n"));
  written();
  now += 5s;
  step();
  EXPECT_EQ(asked<PutKey>().at(0).key, kKeys.slot("a", 1));
}

TEST_F(ClaimsTest, WaitsForNobodyIfItsClaimsAreStillThere) {
  claims = Claims(kKeys, self({{"a", {0}}}));
  connect({kOfBefore});
  EXPECT_EQ(asked<PutKey>().at(0).key, kKeys.member("n"));
}

TEST_F(ClaimsTest, ListsAnewBeforeItActsOnAnUnknownOutcome) {
  connect();
  written();
  now += 5s;
  step();
  const auto claim = asked<PutKey>().at(0);
  step({KeyFailed{claim.number, {etcd::ErrorKind::kUnknown, 14, "timed out"}}});
  now += 2s;
  step();
  EXPECT_TRUE(asked<PutKey>().empty());
  ASSERT_EQ(asked<List>().size(), 2U);
  const etcd::KeyValue member{.key = kKeys.member("n"),
                              .value = member_text({"i", {}, kOpen}),
                              .mod_revision = 11,
                              .lease = 5};
  const etcd::KeyValue mine{.key = claim.key, .value = claim.value, .mod_revision = 12, .lease = 5};
  auto members = listing({member});
  auto slots = listing({mine});
  members.header.revision = slots.header.revision = 13;
  const auto lists = asked<List>();
  step({Listed{lists[0].number, members}, Listed{lists[1].number, slots}});
  EXPECT_EQ(claims.workers("a"), 1U) << "it had been done";
}

TEST_F(ClaimsTest, GivesUpASlotOnlyOnceThereIsAPlaceLess) {
  connect();
  written();
  now += 5s;
  step();
  written();
  written();
  step({PlacesChanged{{{"a", 2}}}, PoolsShared{{{"a", {1, {}}}}}});
  EXPECT_EQ(claims.workers("a"), 1U);
  EXPECT_TRUE(asked<DeleteKey>().empty());
  step({PlacesChanged{{{"a", 1}}}});
  ASSERT_EQ(asked<DeleteKey>().size(), 1U);
  EXPECT_EQ(asked<DeleteKey>()[0].key, kKeys.slot("a", 1));
}

TEST_F(ClaimsTest, GivesUpWhatTurnsUpWhileItIsCordoned) {
  connect({kOfBefore}, kCordoned);
  written();
  EXPECT_EQ(claims.workers("a"), 0U) << "the core has no place for it";
  written();
  ASSERT_EQ(asked<DeleteKey>().size(), 1U);
  EXPECT_EQ(asked<DeleteKey>()[0].key, kKeys.slot("a", 0));
}

TEST_F(ClaimsTest, GivesUpWhatItWasToRunWhenItWasCordoned) {
  connect({kOfBefore});
  written();
  ASSERT_EQ(asked<PutKey>().at(0).key, kKeys.slot("a", 0)) << "taken back under the new lease";
  const std::uint64_t taking_back = last_number;
  step({SchedulingChanged{kCordoned}});
  step({KeyWritten{taking_back, 12}});
  EXPECT_EQ(claims.workers("a"), 0U) << "the core has no place for it";
  written();
  ASSERT_EQ(asked<DeleteKey>().size(), 1U);
  EXPECT_EQ(asked<DeleteKey>()[0].key, kKeys.slot("a", 0));
}

TEST_F(ClaimsTest, BelievesNoAnswerOfTheEtcdBefore) {
  connect();
  written();
  now += 5s;
  step();
  const std::uint64_t claim = asked<PutKey>().at(0).number;
  const auto lists = next_lists();
  etcd::RangeAnswer restored = listing();
  restored.header = {.cluster = 8, .revision = 3};
  step({Listed{lists[0].number, restored}, Listed{lists[1].number, restored}});
  step({KeyWritten{claim, 500}});
  EXPECT_EQ(claims.workers("a"), 0U) << "what was claimed is not in this one";
}

TEST_F(ClaimsTest, SeesWhatAnEtcdHasThatWasRestoredUnderItsOwnId) {
  connect();
  written();
  etcd::RangeAnswer slots = listing({{.key = kKeys.slot("a", 0),
                                      .value = claim_text({"a", 0, "m", "j"}, 1),
                                      .mod_revision = 3,
                                      .lease = 3},
                                     {.key = kKeys.slot("a", 1),
                                      .value = claim_text({"a", 1, "m", "j"}, 1),
                                      .mod_revision = 4,
                                      .lease = 3}});
  etcd::RangeAnswer members = listing();
  slots.header.revision = members.header.revision = 5;
  for (int i = 0; i < 2; ++i) {
    const auto lists = next_lists();
    step({Listed{lists[0].number, members}, Listed{lists[1].number, slots}});
  }
  for (const PutKey& put : asked<PutKey>()) EXPECT_EQ(put.key, kKeys.member("n"));
  EXPECT_FALSE(asked<PutKey>().empty()) << "in this one it is no member yet";
}

TEST_F(ClaimsTest, LeavesANameToTheNodeThatHasIt) {
  step({PoolsShared{{{"a", {2, {}}}}}});
  const auto lists = asked<List>();
  const auto grant = asked<GrantLease>().at(0);
  const etcd::KeyValue theirs{.key = kKeys.member("n"),
                              .value = member_text({"other", {}, kOpen}),
                              .mod_revision = 9,
                              .lease = 3};
  step({Listed{lists.at(0).number, listing({theirs})}, Listed{lists.at(1).number, listing()},
        LeaseGranted{grant.number, {.id = 5, .ttl_s = 60}}});
  EXPECT_TRUE(asked<PutKey>().empty());
  ASSERT_FALSE(claims.faults().empty());
  EXPECT_NE(claims.faults().back().find("this node's name"), std::string::npos);
}

}  // namespace
}  // namespace mayfly::coordinator
