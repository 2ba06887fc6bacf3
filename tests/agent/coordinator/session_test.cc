// What a session asks for, event by event.
#include "agent/coordinator/session.h"

#include <gtest/gtest.h>

namespace mayfly::coordinator {
namespace {

using namespace std::chrono_literals;

const Keys kKeys("/mayfly/main/");
const etcd::Error kNoAnswer{etcd::ErrorKind::kFailed, etcd::kNoCode, "no answer in time"};
const etcd::Error kLostAnswer{etcd::ErrorKind::kUnknown, 14, "etcdserver: request timed out"};
const etcd::Error kFull{etcd::ErrorKind::kRefused, 8, "etcdserver: mvcc: database space exceeded"};

class SessionTest : public ::testing::Test {
 protected:
  Decision step(std::vector<Event> events = {}) { return last = session.step(now, events); }
  Decision after(Duration passed, std::vector<Event> events = {}) {
    now += passed;
    return step(std::move(events));
  }
  /// As the loop does: only when it is due.
  Decision when_due() {
    EXPECT_NE(last.wake_at, core::kNever);
    now = std::max(now, last.wake_at);
    return step();
  }

  template <class T>
  const T* asked() const {
    for (const Action& action : last.actions) {
      if (const auto* found = std::get_if<T>(&action)) return found;
    }
    return nullptr;
  }
  template <class T>
  T must() const {
    const T* found = asked<T>();
    EXPECT_NE(found, nullptr);
    return found != nullptr ? *found : T{};
  }
  /// Steps until it asks for that.
  template <class T>
  T next() {
    for (int i = 0; i < 50 && asked<T>() == nullptr; ++i) when_due();
    return must<T>();
  }

  static etcd::RangeAnswer listing(std::int64_t revision, std::vector<etcd::KeyValue> kvs = {}) {
    return {.header = {.cluster = 7, .revision = revision}, .kvs = std::move(kvs)};
  }
  etcd::KeyValue pool(const std::string& name, std::int64_t revision) {
    return {
        .key = kKeys.pool(name), .value = "v" + std::to_string(revision), .mod_revision = revision};
  }

  /// Connected, watching from revision 11 on, with lease 5.
  void connect() {
    step();
    const auto list = must<List>();
    const auto grant = must<GrantLease>();
    step({Listed{list.number, listing(10)}, LeaseGranted{grant.number, {.id = 5, .ttl_s = 15}}});
    watch = must<Watch>();
  }
  void report(const std::string& status) { step({StatusChanged{status}}); }

  Session session{kKeys, {}, 1};
  Time now{1h};
  Decision last;
  Watch watch;
};

TEST_F(SessionTest, ListsThenWatchesFromTheRevisionAfter) {
  step();
  const auto list = must<List>();
  EXPECT_EQ(session.contact(now), Contact::kConnecting);
  const auto decision = step({Listed{list.number, listing(10, {pool("a", 4)})}});
  EXPECT_EQ(decision.changed, std::set<std::string>{"a"});
  EXPECT_EQ(must<Watch>().from, 11);
  EXPECT_EQ(session.contact(now), Contact::kConnected);
}

TEST_F(SessionTest, TakesChangesFromItsWatchAndFromNoOther) {
  connect();
  const etcd::WatchNews news{.changes = {{etcd::Change::Kind::kPut, pool("a", 11)}}};
  EXPECT_TRUE(step({WatchHeard{watch.number + 1, news}}).changed.empty());
  EXPECT_EQ(step({WatchHeard{watch.number, news}}).changed, std::set<std::string>{"a"});
  EXPECT_TRUE(step({WatchHeard{watch.number, news}}).changed.empty());
}

TEST_F(SessionTest, ListsAnewWhenItsWatchEndsAndDoesNotResumeIt) {
  connect();
  const etcd::Error compacted{etcd::ErrorKind::kRefused, 11, "compacted"};
  step({WatchEnded{watch.number, compacted}});
  EXPECT_EQ(session.contact(now), Contact::kLost);
  const Time ended = now;
  const auto list = next<List>();
  EXPECT_LE(now - ended, 1s);
  step({Listed{list.number, listing(50, {pool("a", 40)})}});
  EXPECT_EQ(must<Watch>().from, 51);
  EXPECT_EQ(session.contact(now), Contact::kConnected);
}

TEST_F(SessionTest, WaitsLongerAfterEachFailureUpToHalfAMinute) {
  step();
  auto list = must<List>();
  Duration longest{};
  for (int i = 0; i < 12; ++i) {
    const Time failed = now;
    step({ListFailed{list.number, kNoAnswer}});
    while (asked<List>() == nullptr) after(100ms);
    list = must<List>();
    EXPECT_GE(now - failed, 500ms);
    longest = std::max(longest, now - failed);
  }
  EXPECT_GE(longest, 15s);
  EXPECT_LE(longest, 31s);
  step({Listed{list.number, listing(10)}});
  EXPECT_TRUE(session.alarms().empty());
}

TEST_F(SessionTest, DoesNotTrustAWatchThatHasMissedSomething) {
  connect();
  const auto list = next<List>();
  const auto decision = step({Listed{list.number, listing(20, {pool("a", 15)})}});
  EXPECT_EQ(decision.changed, std::set<std::string>{"a"});
  EXPECT_EQ(must<StopWatch>().number, watch.number);
  EXPECT_EQ(must<Watch>().from, 21);
}

TEST_F(SessionTest, AsksForANewLeaseWhenEtcdHasForgottenItsOwn) {
  connect();
  const auto keep = next<KeepLease>();
  EXPECT_EQ(keep.lease, 5);
  // 200, and no TTL: a keepalive of nothing.
  step({LeaseKept{keep.number, {.id = 5, .ttl_s = 0}}});
  EXPECT_NE(asked<GrantLease>(), nullptr);
  EXPECT_EQ(session.lease(), 0);
}

TEST_F(SessionTest, DoesNotHoldALeaseLongerThanEtcdSaid) {
  connect();
  while (session.lease() != 0) {
    when_due();
    if (const auto* keep = asked<KeepLease>()) step({KeepFailed{keep->number, kNoAnswer}});
    ASSERT_LE(now, Time{1h} + 15s);
  }
  EXPECT_EQ(now, Time{1h} + 15s);
  EXPECT_NE(asked<GrantLease>(), nullptr);
}

TEST_F(SessionTest, ReportsTheNewestStatusAtMostEveryTwoSeconds) {
  connect();
  report("1");
  auto write = must<WriteReport>();
  EXPECT_EQ(write.lease, 5);
  EXPECT_EQ(write.expected_revision, 0);
  const Time first = now;
  step({ReportWritten{write.number, 12}});
  for (int i = 0; i < 10; ++i) after(100ms, {StatusChanged{std::to_string(i)}});
  write = next<WriteReport>();
  EXPECT_EQ(now - first, 2s);
  EXPECT_EQ(write.status, "9");
  EXPECT_EQ(write.expected_revision, 12);
  step({ReportWritten{write.number, 13}});
  after(10s, {StatusChanged{"9"}});
  EXPECT_EQ(asked<WriteReport>(), nullptr);
}

TEST_F(SessionTest, FindsAReportOfItsOwnWhoseAnswerWasLost) {
  connect();
  report("1");
  const auto lost = must<WriteReport>();
  step({ReportFailed{lost.number, kLostAnswer}});
  const auto again = next<WriteReport>();
  EXPECT_EQ(again.expected_revision, 0);
  const Writer us{Writer::Who::kUs, lost.number, 14};
  step({ReportConflicted{again.number, us}});
  // It is there: nothing is to be written until there is news.
  after(10s);
  EXPECT_EQ(asked<WriteReport>(), nullptr);
  report("2");
  EXPECT_EQ(must<WriteReport>().expected_revision, 14);
}

TEST_F(SessionTest, TakesOverTheReportOfItsLastRun) {
  connect();
  report("1");
  step({ReportConflicted{must<WriteReport>().number, Writer{Writer::Who::kUs, 99, 8}}});
  EXPECT_EQ(next<WriteReport>().expected_revision, 8);
}

TEST_F(SessionTest, LeavesANameToTheNodeThatHasIt) {
  connect();
  report("1");
  const auto write = must<WriteReport>();
  step({ReportConflicted{write.number, Writer{Writer::Who::kAnother, 1, 8}}});
  ASSERT_EQ(session.alarms().size(), 1U);
  EXPECT_NE(session.alarms()[0].find("another node has this node's name"), std::string::npos);
  const Time refused = now;
  const auto again = next<WriteReport>();
  EXPECT_GE(now - refused, 10s);
  EXPECT_EQ(again.expected_revision, 0);
  step({ReportConflicted{again.number, std::nullopt}});
  const auto free = next<WriteReport>();
  step({ReportWritten{free.number, 20}});
  EXPECT_TRUE(session.alarms().empty());
}

TEST_F(SessionTest, AsksForANewLeaseWhenAReportFindsItsOwnGone) {
  connect();
  report("1");
  const etcd::Error gone{etcd::ErrorKind::kNotFound, 5, "etcdserver: requested lease not found"};
  step({ReportFailed{must<WriteReport>().number, gone}});
  const auto grant = must<GrantLease>();
  step({LeaseGranted{grant.number, {.id = 6, .ttl_s = 15}}});
  EXPECT_EQ(next<WriteReport>().lease, 6);
}

TEST_F(SessionTest, SaysThatEtcdIsFullAndGoesOnFollowing) {
  step();
  const auto list = must<List>();
  const auto grant = must<GrantLease>();
  step({Listed{list.number, listing(10)}, GrantFailed{grant.number, kFull}});
  ASSERT_EQ(session.alarms().size(), 1U);
  EXPECT_NE(session.alarms()[0].find("etcd is full"), std::string::npos);
  EXPECT_EQ(session.contact(now), Contact::kConnected);
  EXPECT_NE(asked<Watch>(), nullptr);
}

TEST_F(SessionTest, DropsAnswersToWhatItNoLongerWaitsFor) {
  step();
  const auto list = must<List>();
  step({Listed{list.number, listing(10)}, Listed{list.number, listing(9)}});
  EXPECT_TRUE(session.alarms().empty());
  EXPECT_EQ(must<Watch>().from, 11);
}

TEST_F(SessionTest, AsksAgainWhenAnAnswerNeverComes) {
  step();
  const auto list = must<List>();
  const auto grant = must<GrantLease>();
  last.actions.clear();
  EXPECT_GT(next<GrantLease>().number, grant.number);
  EXPECT_GT(next<List>().number, list.number);
  EXPECT_LE(now, Time{1h} + 3min);
}

}  // namespace
}  // namespace mayfly::coordinator
