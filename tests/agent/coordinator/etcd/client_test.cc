// The client against an etcd of one member.
#include <filesystem>
#include <fstream>

#include "tests/agent/coordinator/etcd/client_fixture.h"
#include "tests/support/scripted_server.h"

namespace mayfly::etcd {
namespace {

class EtcdClient : public EtcdTest {
 protected:
  EtcdClient() { use(options_for(etcd)); }
  PrivateEtcd etcd;
};

TEST_F(EtcdClient, PutsReadsAndDeletes) {
  const auto written = put({"a", "1\xff", 0});
  ASSERT_TRUE(written) << written.error().what;
  EXPECT_NE(written->cluster, 0U);
  const auto read = range({"a"});
  ASSERT_TRUE(read) << read.error().what;
  ASSERT_EQ(read->kvs.size(), 1U);
  EXPECT_EQ(read->kvs[0].value, "1\xff");
  EXPECT_EQ(read->kvs[0].mod_revision, written->revision);
  const auto gone =
      await<DeleteAnswer>([&](Done<DeleteAnswer> done) { client->remove({"a"}, done); });
  ASSERT_TRUE(gone);
  EXPECT_EQ(gone->deleted, 1);
  EXPECT_TRUE(range({"a"})->kvs.empty());
}

TEST_F(EtcdClient, ListsInPagesAsOfOneRevision) {
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(put({"p/" + std::to_string(100 + i), "x", 0}));
  std::optional<Result<RangeAnswer>> listed;
  client->list({"p/", end_of_prefix("p/")}, [&](Result<RangeAnswer> came) { listed = came; });
  // Taken between its pages, or after it: in neither case is it in the list.
  client->range({"p/100"}, [&](const Result<RangeAnswer>&) {
    client->put({"p/999", "late", 0}, [](const Result<Header>&) {});
  });
  ASSERT_TRUE(until([&] { return listed.has_value(); }));
  ASSERT_TRUE(*listed) << listed->error().what;
  ASSERT_EQ((*listed)->kvs.size(), 20U);
  EXPECT_EQ((*listed)->kvs.front().key, "p/100");
  EXPECT_EQ((*listed)->kvs.back().key, "p/119");
}

TEST_F(EtcdClient, ComparesBeforeItWrites) {
  const auto first = put({"a", "1", 0});
  ASSERT_TRUE(first);
  const Txn take{
      {{"a", Compare::Target::kModRevision, first->revision}}, {Put{"a", "2", 0}}, {Range{"a"}}};
  EXPECT_TRUE(txn(take)->succeeded);
  const auto again = txn(take);
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->succeeded);
  ASSERT_EQ(again->ranges.size(), 1U);
  EXPECT_EQ(again->ranges[0].kvs.at(0).value, "2");
  const Txn create{{{"new", Compare::Target::kVersion, 0}}, {Put{"new", "", 0}}, {}};
  EXPECT_TRUE(txn(create)->succeeded);
  EXPECT_FALSE(txn(create)->succeeded);
}

TEST_F(EtcdClient, GivesAClaimToOneAndOnlyUnderALeaseThatLives) {
  const auto mine = grant(60);
  const auto theirs = grant(60);
  ASSERT_TRUE(mine && theirs);
  const auto claim = [](const std::string& value, std::int64_t lease, std::int64_t expected) {
    return Txn{{{"slot", Compare::Target::kModRevision, expected}},
               {Put{"slot", value, lease}},
               {Range{"slot"}}};
  };
  const auto held = txn(claim("mine", mine->id, 0));
  ASSERT_TRUE(held && held->succeeded);
  const auto refused = txn(claim("theirs", theirs->id, 0));
  ASSERT_TRUE(refused);
  EXPECT_FALSE(refused->succeeded);
  const KeyValue& found = refused->ranges.at(0).kvs.at(0);
  EXPECT_EQ(found.value, "mine");
  EXPECT_EQ(found.lease, mine->id);
  EXPECT_EQ(found.mod_revision, held->header.revision);
  // It goes with its lease, and is not made again under it.
  ASSERT_TRUE(await<Header>([&](Done<Header> done) { client->revoke(mine->id, done); }));
  const auto late = txn(claim("mine", mine->id, 0));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().kind, ErrorKind::kNotFound);
  const auto taken = txn(claim("theirs", theirs->id, 0));
  ASSERT_TRUE(taken && taken->succeeded);
  const auto give_up = [](std::int64_t expected) {
    return Txn{
        {{"slot", Compare::Target::kModRevision, expected}}, {Delete{"slot"}}, {Range{"slot"}}};
  };
  EXPECT_FALSE(txn(give_up(held->header.revision))->succeeded);
  EXPECT_TRUE(txn(give_up(taken->header.revision))->succeeded);
  EXPECT_TRUE(range({"slot"})->kvs.empty());
}

TEST_F(EtcdClient, KeepsALeaseAndSeesThatOneIsGone) {
  const auto lease = grant(60);
  ASSERT_TRUE(lease) << lease.error().what;
  ASSERT_TRUE(put({"mine", "x", lease->id}));
  EXPECT_EQ(keep_alive(lease->id)->ttl_s, 60);
  EXPECT_GT(time_to_live(lease->id)->ttl_s, 0);
  ASSERT_TRUE(await<Header>([&](Done<Header> done) { client->revoke(lease->id, done); }));
  // etcd says 200 to a keepalive of a lease that it does not have.
  EXPECT_EQ(keep_alive(lease->id)->ttl_s, 0);
  EXPECT_EQ(time_to_live(lease->id)->ttl_s, -1);
  EXPECT_TRUE(range({"mine"})->kvs.empty());
  const auto late = put({"mine", "x", lease->id});
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().kind, ErrorKind::kNotFound);
}

TEST_F(EtcdClient, WatchesARangeFromARevisionOn) {
  const auto first = put({"w/a", "1", 0});
  ASSERT_TRUE(put({"w/b", "2", 0}));
  const auto heard = watch({"w/", end_of_prefix("w/"), first->revision});
  ASSERT_TRUE(until([&] { return heard->changes.size() == 2; }));
  EXPECT_TRUE(heard->created);
  ASSERT_TRUE(put({"x", "not in it", 0}));
  ASSERT_TRUE(await<DeleteAnswer>([&](Done<DeleteAnswer> done) { client->remove({"w/a"}, done); }));
  ASSERT_TRUE(until([&] { return heard->changes.size() == 3; }));
  EXPECT_EQ(heard->changes[2].kind, Change::Kind::kDelete);
  EXPECT_EQ(heard->changes[2].kv.key, "w/a");
  client->cancel(heard->id);
  ASSERT_TRUE(put({"w/c", "unheard", 0}));
  EXPECT_EQ(heard->changes.size(), 3U);
  EXPECT_FALSE(heard->end);
}

TEST_F(EtcdClient, EndsAWatchThatCompactionHasOvertaken) {
  const auto first = put({"a", "1", 0});
  const auto last = put({"a", "2", 0});
  etcd.ctl({"compaction", std::to_string(last->revision)});
  const auto heard = watch({"a", {}, first->revision});
  ASSERT_TRUE(until([&] { return heard->end.has_value(); }));
  EXPECT_TRUE(is_compacted(*heard->end)) << heard->end->what;
  EXPECT_TRUE(heard->changes.empty());
  const auto old = range({"a", {}, first->revision});
  ASSERT_FALSE(old);
  EXPECT_TRUE(is_compacted(old.error()));
}

TEST_F(EtcdClient, SaysThatTheStoreIsFull) {
  PrivateEtcd small({.options = {"--quota-backend-bytes=200000"}});
  use(options_for(small));
  const auto lease = grant(60);
  ASSERT_TRUE(lease);
  Result<Header> written;
  for (int i = 0; i < 100 && written; ++i) written = put({"k", std::string(100'000, 'x'), 0});
  ASSERT_FALSE(written);
  EXPECT_TRUE(is_full(written.error())) << written.error().what;
  EXPECT_EQ(written.error().kind, ErrorKind::kRefused);
  const auto another = grant(60);
  ASSERT_FALSE(another);
  EXPECT_TRUE(is_full(another.error()));
  // What needs no room goes on.
  EXPECT_TRUE(range({"k"}));
  EXPECT_EQ(keep_alive(lease->id)->ttl_s, 60);
  EXPECT_TRUE(txn({{}, {Delete{"k", {}}}, {}}));
}

TEST_F(EtcdClient, DoesNotKnowOfAWriteWhoseAnswerIsLostAndReadsItBack) {
  // A gateway whose member commits, and loses its leader before it can say so.
  support::ScriptedServer gateway([this](const auto&) {
    etcd.ctl({"put", "a", "my token"});
    return support::ScriptedServer::Answer{
        "503 Service Unavailable", R"({"code":14,"message":"etcdserver: request timed out"})"};
  });
  auto options = options_for(etcd);
  options.endpoints.insert(options.endpoints.begin(), "http://" + gateway.host());
  use(options);
  const Txn create{{{"a", Compare::Target::kVersion, 0}}, {Put{"a", "my token", 0}}, {Range{"a"}}};
  const auto lost = txn(create);
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().kind, ErrorKind::kUnknown);
  // Not tried again by itself, though there is another endpoint; that one is asked next.
  EXPECT_EQ(client->endpoint(), etcd.endpoints().at(0));
  const auto again = txn(create);
  ASSERT_TRUE(again) << again.error().what;
  EXPECT_FALSE(again->succeeded);
  EXPECT_EQ(again->ranges.at(0).kvs.at(0).value, "my token");
  EXPECT_EQ(again->ranges.at(0).kvs.at(0).version, 1);
}

TEST_F(EtcdClient, DoesNotTakeNoAnswerForASuccess) {
  std::string answer = "not JSON";
  support::ScriptedServer gateway([&](const auto&) {
    return support::ScriptedServer::Answer{"200 OK", answer};
  });
  Client::Options options;
  options.endpoints = {"http://" + gateway.host()};
  use(options);
  EXPECT_EQ(put({"a", "1", 0}).error().kind, ErrorKind::kUnknown);
  EXPECT_EQ(range({"a"}).error().kind, ErrorKind::kFailed);
  answer = R"({"result":{"ID":"7"}})";
  EXPECT_EQ(keep_alive(7)->ttl_s, 0);
  answer = std::string(25 << 20, 'x');
  EXPECT_EQ(range({"a"}).error().kind, ErrorKind::kFailed);
}

TEST_F(EtcdClient, GivesUpOnAWatchThatDoesNotBegin) {
  PrivateEtcd silent;
  auto options = options_for(silent);
  options.deadline = 50ms;
  use(options);
  silent.member(0).stop();
  const auto heard = watch({"a"});
  ASSERT_TRUE(until([&] { return heard->end.has_value(); }));
  EXPECT_EQ(heard->end->kind, ErrorKind::kFailed);
}

class EtcdLogin : public EtcdClient {
 protected:
  EtcdLogin() {
    write_password("first\n");
    etcd.ctl({"user", "add", "root:first"});
    etcd.ctl({"user", "add", "node:first"});
    etcd.ctl({"role", "add", "node"});
    etcd.ctl({"role", "grant-permission", "node", "readwrite", "/mine/", "/mine0"});
    etcd.ctl({"user", "grant-role", "node", "node"});
    etcd.ctl({"user", "grant-role", "root", "root"});
    etcd.ctl({"auth", "enable"});
    etcd.use_login("root:first");
    auto options = options_for(etcd);
    options.user = "node";
    options.password_file = password;
    use(options);
  }

  void write_password(const std::string& text) {
    std::ofstream(password) << text;
    std::filesystem::permissions(
        password, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  }

  std::string password = etcd.member(0).directory() + "/password";
};

TEST_F(EtcdLogin, DoesWhatTheUserMay) {
  EXPECT_TRUE(put({"/mine/a", "1", 0}));
  EXPECT_EQ(range({"/mine/a"})->kvs.size(), 1U);
  const auto other = put({"/other", "1", 0});
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().kind, ErrorKind::kRefused);
}

TEST_F(EtcdLogin, ReadsNoPasswordThatIsOpenToAll) {
  std::filesystem::permissions(password, std::filesystem::perms::others_read,
                               std::filesystem::perm_options::add);
  const auto refused = put({"/mine/a", "1", 0});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kRefused);
  EXPECT_NE(refused.error().what.find("is open to all users: chmod o= "), std::string::npos);
}

TEST_F(EtcdLogin, EndsAWatchThatIsForbidden) {
  const auto heard = watch({"/other"});
  ASSERT_TRUE(until([&] { return heard->end.has_value(); }));
  EXPECT_EQ(heard->end->kind, ErrorKind::kRefused) << heard->end->what;
  const auto mine = watch({"/mine/", "/mine0"});
  ASSERT_TRUE(until([&] { return mine->created; }));
}

TEST_F(EtcdLogin, LogsInAnewWhenItsTokenIsNoLongerGood) {
  ASSERT_TRUE(put({"/mine/a", "1", 0}));
  // Simple tokens live in a member's memory.
  etcd.member(0).terminate();
  etcd.member(0).start();
  etcd.await_healthy();
  EXPECT_TRUE(range({"/mine/a"}));
  const auto written = put({"/mine/a", "2", 0});
  EXPECT_TRUE(written) << written.error().what;
}

TEST_F(EtcdLogin, LogsInAnewAtAnEtcdThatWasRestored) {
  const std::string folder = etcd.member(0).directory() + "/etcd";
  const std::string snapshot = etcd.member(0).directory() + "/snapshot";
  etcd.ctl({"snapshot", "save", snapshot});
  // A token is of a moment in the log, and this one is of one that the restored log has yet to
  // reach.
  for (int i = 0; i < 30; ++i) ASSERT_TRUE(put({"/mine/a", "1", 0}));
  auto options = options_for(etcd);
  options.user = "node";
  options.password_file = password;
  options.deadline = 2s;
  use(options);
  ASSERT_TRUE(put({"/mine/a", "1", 0}));
  etcd.member(0).terminate();
  std::filesystem::remove_all(folder);
  etcd.ctl({"snapshot", "restore", snapshot, "--data-dir", folder});
  etcd.member(0).start();
  etcd.await_healthy();
  auto read = range({"/mine/a"});
  for (int i = 0; i < 9 && !read; ++i) {
    EXPECT_TRUE(keep_alive(7)) << "which says nothing about the token";
    read = range({"/mine/a"});
  }
  EXPECT_TRUE(read) << read.error().what;
}

TEST_F(EtcdLogin, ReadsAPasswordThatHasChanged) {
  ASSERT_TRUE(put({"/mine/a", "1", 0}));
  etcd.ctl({"user", "delete", "node"});
  etcd.ctl({"user", "add", "node:second"});
  etcd.ctl({"user", "grant-role", "node", "node"});
  const auto refused = put({"/mine/a", "2", 0});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kRefused);
  EXPECT_NE(refused.error().what.find("login as node"), std::string::npos) << refused.error().what;
  EXPECT_EQ(refused.error().what.find("first"), std::string::npos);
  std::ofstream(password) << "second\n";
  EXPECT_TRUE(put({"/mine/a", "2", 0}));
}

TEST_F(EtcdLogin, SaysWhichPasswordFileItCannotRead) {
  std::filesystem::remove(password);
  const auto lost = put({"/mine/a", "1", 0});
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().kind, ErrorKind::kRefused);
  EXPECT_NE(lost.error().what.find(password), std::string::npos) << lost.error().what;
}

class EtcdTls : public EtcdTest {
 protected:
  EtcdTls() {
    options = options_for(etcd);
    options.ca_file = etcd.certificates() + "/ca.pem";
    options.cert_file = etcd.certificates() + "/client.pem";
    options.key_file = etcd.certificates() + "/client.key";
  }
  PrivateEtcd etcd{{.transport = PrivateEtcd::Transport::kTls}};
  Client::Options options;
};

TEST_F(EtcdTls, KnowsTheServerAndIsKnownToIt) {
  use(options);
  const auto written = put({"a", "1", 0});
  ASSERT_TRUE(written) << written.error().what;
  const auto heard = watch({"a", {}, written->revision});
  EXPECT_TRUE(until([&] { return heard->changes.size() == 1; }));
}

TEST_F(EtcdTls, TakesCertificatesThatAreRenewed) {
  use(options);
  ASSERT_TRUE(put({"a", "1", 0}));
  etcd.renew_certificates();
  Result<Header> written;
  EXPECT_TRUE(until([&] {
    written = put({"a", "2", 0});
    return written.has_value();
  })) << written.error().what;
}

TEST_F(EtcdTls, IsRefusedWithoutACertificate) {
  options.cert_file.clear();
  options.key_file.clear();
  use(options);
  EXPECT_FALSE(put({"a", "1", 0}));
}

TEST_F(EtcdTls, SaysThatAUserMayHaveNoCommonName) {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"user", "add", "root:first"},
        {"user", "grant-role", "root", "root"},
        {"auth", "enable"}}) {
    etcd.ctl(words);
  }
  options.user = "root";
  options.password_file = etcd.member(0).directory() + "/password";
  std::ofstream(options.password_file) << "first\n";
  std::filesystem::permissions(options.password_file, std::filesystem::perms::owner_read);
  use(options);
  const auto refused = put({"a", "1", 0});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kRefused);
  EXPECT_NE(refused.error().what.find("login as root: "), std::string::npos);
  EXPECT_NE(refused.error().what.find("CommonName"), std::string::npos) << refused.error().what;
}

TEST_F(EtcdTls, TrustsNoServerOfAnotherAuthority) {
  options.ca_file.clear();
  use(options);
  const auto written = put({"a", "1", 0});
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().kind, ErrorKind::kFailed) << written.error().what;
}

}  // namespace
}  // namespace mayfly::etcd
