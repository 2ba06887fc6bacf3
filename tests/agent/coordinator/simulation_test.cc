// The session in a world of virtual time: first an etcd with every fault that it has in life, then
// one that works again. Safety is looked at in each step, liveness at the end.
#include <gtest/gtest.h>

#include <random>

#include "tests/agent/coordinator/fake_etcd.h"

namespace mayfly::coordinator {
namespace {

using namespace std::chrono_literals;

const Keys kKeys("/mayfly/main/");
const std::string kStatus = kKeys.node("n", "status");

class World {
 public:
  explicit World(std::uint64_t seed) : random_(seed), session_(kKeys, {}, seed) {}

  void run() {
    for (const Time end = now_ + 15min; now_ < end;) turn();
    has_faults_ = false;
    // Somebody looks at the alarms, puts back what went missing and says which etcd is meant.
    for (const auto& [pool, written] : last_written_) write(pool);
    etcd_.put(kKeys.epoch(), std::to_string(++epoch_));
    for (const Time end = now_ + 4min; now_ < end;) turn();
    check_converged();
  }

 private:
  bool chance(int percent) { return has_faults_ && below(100) < percent; }
  int below(int most) { return static_cast<int>(random_() % static_cast<unsigned>(most)); }
  Duration some(Duration most) { return most * below(1000) / 1000; }

  /// To the next thing that happens.
  void turn() {
    Time next = std::min(wake_at_, next_person_);
    if (!coming_.empty()) next = std::min(next, coming_.begin()->first);
    now_ = std::max(now_, next);
    etcd_.expire(now_);
    if (now_ >= next_person_) act();
    std::vector<Event> events;
    while (!coming_.empty() && coming_.begin()->first <= now_) {
      events.push_back(std::move(coming_.begin()->second));
      coming_.erase(coming_.begin());
    }
    if (now_ >= next_person_) {
      next_person_ = now_ + 100ms + some(2s);
      events.emplace_back(StatusChanged{"status " + std::to_string(++statuses_)});
    }
    feed_watch(events);
    look(session_.step(now_, events));
  }

  /// What people and the network do.
  void act() {
    if (below(3) == 0) write("p" + std::to_string(below(4)));
    if (chance(3)) etcd_.remove(kKeys.pool("p" + std::to_string(below(4))));
    if (chance(5)) etcd_.compact();
    if (chance(3)) cut_until_ = now_ + some(90s);
    if (chance(2)) deaf_until_ = now_ + some(200s);
    if (chance(1)) backup_ = etcd_;
    if (chance(1) && backup_) {
      etcd_.restore(now_, *backup_, FakeEtcd::Identity::kOther);
    }
    if (chance(1)) etcd_.put(kKeys.epoch(), std::to_string(++epoch_));
    if (watching_ && chance(2)) break_watch();
  }

  void write(const std::string& pool) {
    const int version = ++last_written_[pool];
    etcd_.put(kKeys.pool(pool), pool + ":" + std::to_string(version));
  }

  void break_watch() {
    const etcd::Error error{etcd::ErrorKind::kFailed, 14, "etcdserver: no leader"};
    arrive(WatchEnded{watching_->number, error});
    watching_.reset();
  }

  void feed_watch(std::vector<Event>& events) {
    if (!watching_ || now_ < cut_until_ || now_ < deaf_until_) return;
    if (watching_->cluster != etcd_.cluster()) return break_watch();
    const auto changes = etcd_.changes(kKeys.desired(), watching_->from);
    if (!changes) {
      const etcd::Error error{etcd::ErrorKind::kRefused, 11, "compacted"};
      events.emplace_back(WatchEnded{watching_->number, error});
      watching_.reset();
      return;
    }
    etcd::WatchNews news{.changes = *changes};
    watching_->from = etcd_.revision() + 1;
    if (news.changes.empty()) return;
    if (chance(20)) std::shuffle(news.changes.begin(), news.changes.end(), random_);
    if (chance(20)) arrive(WatchHeard{watching_->number, news});  // twice, and the second time late
    events.emplace_back(WatchHeard{watching_->number, std::move(news)});
  }

  void arrive(Event event) {
    if (chance(1)) return;  // it never does
    if (chance(5)) coming_.emplace(now_ + some(30s), event);
    coming_.emplace(now_ + 1ms + some(chance(10) ? Duration(4s) : Duration(20ms)),
                    std::move(event));
  }

  void look(const Decision& decision) {
    check_documents(decision);
    wake_at_ = decision.wake_at;
    for (const Action& action : decision.actions) {
      std::visit([this](const auto& each) { perform(each); }, action);
    }
  }

  /// kFailed: nothing has happened. kUnknown: it has, and nobody says so.
  std::optional<etcd::Error> trouble() {
    if (now_ < cut_until_ || chance(5)) {
      return etcd::Error{etcd::ErrorKind::kFailed, etcd::kNoCode, "no connection in time"};
    }
    if (chance(5)) return etcd::Error{etcd::ErrorKind::kUnknown, 14, "request timed out"};
    return std::nullopt;
  }
  static bool is_done(const std::optional<etcd::Error>& error) {
    return !error || error->kind == etcd::ErrorKind::kUnknown;
  }

  void perform(const List& list) {
    if (const auto error = trouble()) return arrive(ListFailed{list.number, *error});
    arrive(Listed{list.number, etcd_.list(kKeys.desired())});
  }
  void perform(const Watch& watch) {
    EXPECT_FALSE(watching_) << "two watches";
    watching_ = Watching{watch.number, watch.from, etcd_.cluster()};
    if (const auto error = trouble()) break_watch();
  }
  void perform(const StopWatch& /*stop*/) { watching_.reset(); }
  void perform(const GrantLease& grant) {
    const auto error = trouble();
    const std::int64_t id = is_done(error) ? etcd_.grant(now_, grant.ttl_s) : 0;
    if (error) return arrive(GrantFailed{grant.number, *error});
    arrive(LeaseGranted{grant.number, {.id = id, .ttl_s = grant.ttl_s}});
  }
  void perform(const KeepLease& keep) {
    const auto error = trouble();
    if (error) return arrive(KeepFailed{keep.number, *error});
    // A leader that has lost the others may lie once.
    const bool is_kept = chance(3) || etcd_.keep(now_, keep.lease);
    arrive(LeaseKept{keep.number, {.id = keep.lease, .ttl_s = is_kept ? 15 : 0}});
  }
  void perform(const WriteReport& write) {
    EXPECT_GE(now_ - last_report_, 2s) << "more than a write in two seconds";
    last_report_ = now_;
    const auto error = trouble();
    if (!is_done(error)) return arrive(ReportFailed{write.number, *error});
    const FakeEtcd::Stored* there = etcd_.find(kStatus);
    if ((there != nullptr ? there->mod_revision : 0) != write.expected_revision) {
      if (error) return arrive(ReportFailed{write.number, *error});
      std::optional<Writer> found;
      if (there != nullptr) found = Writer{Writer::Who::kUs, token_, there->mod_revision};
      return arrive(ReportConflicted{write.number, found});
    }
    if (!etcd_.has_lease(write.lease)) {
      const etcd::Error gone{etcd::ErrorKind::kNotFound, 5, "requested lease not found"};
      return arrive(ReportFailed{write.number, gone});
    }
    const auto revision = etcd_.put(kStatus, write.status, write.lease);
    token_ = write.number;
    if (error) return arrive(ReportFailed{write.number, *error});
    arrive(ReportWritten{write.number, revision});
  }

  void perform(const PutKey& put) { ADD_FAILURE() << put.key << " from a node that has no part"; }
  void perform(const DeleteKey& gone) { ADD_FAILURE() << gone.key; }

  /// Nothing goes back but by an epoch, and nothing goes away at all: no tombstone was written.
  void check_documents(const Decision& decision) {
    const Baseline& baseline = session_.state().baseline();
    if (baseline.epoch != seen_epoch_) {
      seen_epoch_ = baseline.epoch;
      seen_.clear();
    }
    for (const auto& [pool, document] : baseline.documents) {
      const int version = std::stoi(document.value.substr(document.value.find(':') + 1));
      EXPECT_GE(version, seen_[pool]) << pool << " went back";
      EXPECT_TRUE(version == seen_[pool] || decision.changed.contains(pool) || seen_[pool] == 0)
          << pool << " changed unsaid";
      seen_[pool] = version;
    }
    EXPECT_GE(baseline.documents.size(), documents_) << "a pool was given up";
    documents_ = baseline.documents.size();
  }

  void check_converged() {
    EXPECT_EQ(session_.contact(now_), Contact::kConnected);
    EXPECT_TRUE(session_.alarms().empty()) << session_.alarms().front();
    for (const auto& [pool, version] : last_written_) {
      const auto found = session_.state().baseline().documents.find(pool);
      ASSERT_NE(found, session_.state().baseline().documents.end()) << pool;
      const FakeEtcd::Stored* truth = etcd_.find(kKeys.pool(pool));
      ASSERT_NE(truth, nullptr);
      EXPECT_EQ(found->second.value, truth->value);
    }
    EXPECT_TRUE(etcd_.has_lease(session_.lease()));
    const FakeEtcd::Stored* status = etcd_.find(kStatus);
    ASSERT_NE(status, nullptr);
    EXPECT_EQ(status->lease, session_.lease());
    EXPECT_GE(std::stoi(status->value.substr(7)), statuses_ - 60);
  }

  struct Watching {
    std::uint64_t number = 0;
    std::int64_t from = 0;
    std::uint64_t cluster = 0;
  };

  std::mt19937_64 random_;
  Session session_;
  FakeEtcd etcd_;
  std::optional<FakeEtcd> backup_;
  bool has_faults_ = true;
  Time now_{1h};
  Time wake_at_{};
  Time next_person_{1h};
  Time cut_until_{};
  Time deaf_until_{};
  Time last_report_{};
  std::multimap<Time, Event> coming_;
  std::optional<Watching> watching_;
  std::uint64_t token_ = 0;
  int statuses_ = 0;
  std::uint64_t epoch_ = 0;
  std::uint64_t seen_epoch_ = 0;
  std::size_t documents_ = 0;
  std::map<std::string, int> last_written_;
  std::map<std::string, int> seen_;
};

TEST(SessionSimulation, KeepsTheLastGoodThroughAllFaultsAndConvergesAfterwards) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    World(seed).run();
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace mayfly::coordinator
