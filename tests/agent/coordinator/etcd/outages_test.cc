// The client against an etcd of three members, some of which die, hang or lose each other.
#include "tests/agent/coordinator/etcd/client_fixture.h"

namespace mayfly::etcd {
namespace {

class EtcdOutage : public EtcdTest {
 protected:
  EtcdOutage() { use(options_for(etcd)); }

  /// The owner's part: to try again what may be tried again.
  Result<Header> put_until_taken(const Put& what) {
    Result<Header> written = put(what);
    for (int i = 0; i < 100 && !written; ++i) written = put(what);
    return written;
  }

  PrivateEtcd etcd{{.members = 3}};
};

TEST_F(EtcdOutage, GoesOnAtAnotherMemberWhenOneIsKilled) {
  ASSERT_TRUE(put({"a", "1", 0}));
  const auto heard = watch({"a"});
  ASSERT_TRUE(until([&] { return heard->created; }));
  etcd.member(0).kill9();
  ASSERT_TRUE(until([&] { return heard->end.has_value(); }));
  EXPECT_EQ(heard->end->kind, ErrorKind::kFailed);
  const auto read = range({"a"});
  ASSERT_TRUE(read) << read.error().what;
  EXPECT_EQ(read->kvs.at(0).value, "1");
  EXPECT_NE(client->endpoint(), etcd.endpoints().at(0));
  const auto written = put_until_taken({"a", "2", 0});
  ASSERT_TRUE(written) << written.error().what;
}

TEST_F(EtcdOutage, KeepsItsLeaseAcrossAChangeOfLeader) {
  const auto lease = grant(60);
  ASSERT_TRUE(lease);
  ASSERT_TRUE(put({"mine", "x", lease->id}));
  const auto before = etcd.leader();
  etcd.member(before).kill9();
  etcd.await_healthy();
  Result<Lease> kept = keep_alive(lease->id);
  for (int i = 0; i < 100 && !kept; ++i) kept = keep_alive(lease->id);
  ASSERT_TRUE(kept) << kept.error().what;
  EXPECT_EQ(kept->ttl_s, 60);
  EXPECT_EQ(range({"mine"})->kvs.size(), 1U);
  etcd.member(before).start();
  etcd.await_healthy();
  EXPECT_NE(etcd.leader(), before);
}

TEST_F(EtcdOutage, EndsAWatchOfAMemberThatHasLostTheOthers) {
  auto options = options_for(etcd);
  options.endpoints.resize(1);
  use(options);
  const auto heard = watch({"a"});
  ASSERT_TRUE(until([&] { return heard->created; }));
  etcd.member(1).kill9();
  etcd.member(2).kill9();
  ASSERT_TRUE(until([&] { return heard->end.has_value(); }));
  EXPECT_NE(heard->end->what.find("no leader"), std::string::npos) << heard->end->what;
}

TEST_F(EtcdOutage, LosesALeaseThatNobodyKeeps) {
  const auto lease = grant(1);
  ASSERT_TRUE(lease);
  const auto heard = watch({"mine"});
  ASSERT_TRUE(until([&] { return heard->created; }));
  ASSERT_TRUE(put({"mine", "x", lease->id}));
  ASSERT_TRUE(until([&] { return heard->changes.size() == 2; }));
  EXPECT_EQ(heard->changes[1].kind, Change::Kind::kDelete);
  EXPECT_EQ(keep_alive(lease->id)->ttl_s, 0);
}

TEST_F(EtcdOutage, FailsEveryCallWhileNobodyAnswersAndWorksAfterwards) {
  for (std::size_t i = 0; i < 3; ++i) etcd.member(i).kill9();
  EXPECT_EQ(range({"a"}).error().kind, ErrorKind::kFailed);
  EXPECT_EQ(put({"a", "1", 0}).error().kind, ErrorKind::kFailed);  // nothing was sent
  for (std::size_t i = 0; i < 3; ++i) etcd.member(i).start();
  etcd.await_healthy();
  const auto written = put_until_taken({"a", "1", 0});
  ASSERT_TRUE(written) << written.error().what;
}

}  // namespace
}  // namespace mayfly::etcd
