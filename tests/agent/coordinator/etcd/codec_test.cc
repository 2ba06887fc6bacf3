#include "agent/coordinator/etcd/codec.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace mayfly::etcd {
namespace {

using namespace std::string_literals;

TEST(EtcdCodec, WritesRequestsAsTheGatewayReadsThem) {
  EXPECT_EQ(encode(Range{"a", "b", 7, 2}),
            R"({"key":"YQ==","limit":"2","range_end":"Yg==","revision":"7"})");
  EXPECT_EQ(encode(Range{"a"}), R"({"key":"YQ=="})");
  EXPECT_EQ(encode(Put{"a", "\xff", 9'007'199'254'740'993}),
            R"({"key":"YQ==","lease":"9007199254740993","value":"/w=="})");
  EXPECT_EQ(encode(Delete{"a", {}}), R"({"key":"YQ=="})");
  EXPECT_EQ(encode_grant(15), R"({"TTL":"15"})");
  EXPECT_EQ(encode_lease_id(7), R"({"ID":"7"})");
  EXPECT_EQ(encode_login("bob", "p\"w"), R"({"name":"bob","password":"p\"w"})");
  EXPECT_EQ(encode(WatchRequest{"a", "b", 3}),
            R"({"create_request":{"fragment":true,"key":"YQ==","range_end":"Yg==",)"
            R"("start_revision":"3"}})");
}

TEST(EtcdCodec, WritesATransaction) {
  const Txn txn{{{"a", Compare::Target::kModRevision, 5}, {"b", Compare::Target::kVersion, 0}},
                {Put{"a", "1", 0}, Delete{"b", {}}},
                {Range{"a"}}};
  EXPECT_EQ(encode(txn),
            R"({"compare":[{"key":"YQ==","mod_revision":"5","result":"EQUAL","target":"MOD"},)"
            R"({"key":"Yg==","result":"EQUAL","target":"VERSION","version":"0"}],)"
            R"("failure":[{"request_range":{"key":"YQ=="}}],)"
            R"("success":[{"request_put":{"key":"YQ==","value":"MQ=="}},)"
            R"({"request_delete_range":{"key":"Yg=="}}]})");
}

TEST(EtcdCodec, ReadsARange) {
  const auto answer = decode_range(
      R"({"header":{"cluster_id":"14841639068965178418","member_id":"1","revision":"9"},)"
      R"("kvs":[{"key":"YQ==","create_revision":"2","mod_revision":"3","version":"2",)"
      R"("value":"Mg==","lease":"7"},{"key":"Yg=="}],"more":true,"count":"5"})");
  ASSERT_TRUE(answer) << answer.error();
  EXPECT_EQ(answer->header.cluster, 14841639068965178418U);
  EXPECT_EQ(answer->header.revision, 9);
  ASSERT_EQ(answer->kvs.size(), 2U);
  EXPECT_EQ(answer->kvs[0].value, "2");
  EXPECT_EQ(answer->kvs[0].mod_revision, 3);
  EXPECT_EQ(answer->kvs[0].lease, 7);
  EXPECT_EQ(answer->kvs[1].value, "");
  EXPECT_TRUE(answer->more);
}

TEST(EtcdCodec, TakesWhatIsLeftOutForZero) {
  EXPECT_EQ(decode_range("{}")->kvs.size(), 0U);
  EXPECT_FALSE(decode_txn(R"({"header":{"revision":"3"}})")->succeeded);
  EXPECT_EQ(decode_keepalive(R"({"result":{"ID":"7"}})")->ttl_s, 0);
  EXPECT_EQ(decode_lease(R"({"ID":"7","TTL":"-1"})")->ttl_s, -1);
  EXPECT_EQ(decode_lease(R"({"ID":7,"TTL":5})")->ttl_s, 5);
  EXPECT_EQ(decode_lease(R"({"ID":"7","TTL":"5","grantedTTL":"60"})")->granted_s, 60);
  EXPECT_EQ(decode_delete("{}")->deleted, 0);
}

TEST(EtcdCodec, ReadsWhichBranchATransactionTook) {
  const auto answer =
      decode_txn(R"({"header":{"revision":"3"},"responses":[{"response_put":{}},)"
                 R"({"response_range":{"kvs":[{"key":"YQ==","mod_revision":"3"}]}}]})");
  ASSERT_TRUE(answer);
  EXPECT_FALSE(answer->succeeded);
  ASSERT_EQ(answer->ranges.size(), 1U);
  EXPECT_EQ(answer->ranges[0].kvs.at(0).mod_revision, 3);
}

TEST(EtcdCodec, RefusesAnswersThatAreNone) {
  for (const char* body :
       {"", "null", "[]", "7", "\"x\"", "{", R"({"header":7})", R"({"header":{"revision":"x"}})",
        R"({"header":{"revision":"9223372036854775808"}})", R"({"header":{"revision":""}})",
        R"({"header":{"revision":"1 "}})", R"({"header":{"revision":true}})", R"({"kvs":{}})",
        R"({"kvs":[{"key":"!"}]})", R"({"kvs":[{"value":"YQ=="}]})", R"({"kvs":[{"key":7}]})",
        R"({"more":"yes"})"}) {
    EXPECT_FALSE(decode_range(body)) << body;
  }
  for (const char* body : {"{}", R"({"result":[]})", R"({"error":{"message":"x"}})"}) {
    EXPECT_FALSE(decode_keepalive(body)) << body;
  }
  for (const char* body : {"{}", R"({"token":""})", R"({"token":7})"}) {
    EXPECT_FALSE(decode_token(body)) << body;
  }
  EXPECT_FALSE(decode_range(std::string(100'000, '[')));
}

TEST(EtcdCodec, ReadsTheLinesOfAWatch) {
  const auto created =
      decode_watch_line(R"({"result":{"header":{"revision":"3"},"created":true}})");
  ASSERT_TRUE(created);
  EXPECT_TRUE(created->created);
  EXPECT_FALSE(created->canceled);
  const auto compacted =
      decode_watch_line(R"({"result":{"canceled":true,"compact_revision":"3"}})");
  EXPECT_TRUE(compacted->canceled);
  EXPECT_EQ(compacted->compact_revision, 3);
  const auto changed = decode_watch_line(
      R"({"result":{"header":{"revision":"9"},"events":[{"kv":{"key":"YQ==","value":"MQ==",)"
      R"("mod_revision":"8"}},{"type":"DELETE","kv":{"key":"Yg==","mod_revision":"9"}}]}})");
  ASSERT_TRUE(changed);
  ASSERT_EQ(changed->changes.size(), 2U);
  EXPECT_EQ(changed->changes[0].kind, Change::Kind::kPut);
  EXPECT_EQ(changed->changes[0].kv.value, "1");
  EXPECT_EQ(changed->changes[1].kind, Change::Kind::kDelete);
  EXPECT_EQ(changed->changes[1].kv.key, "b");
}

TEST(EtcdCodec, RefusesLinesOfAWatchThatAreNone) {
  for (const char* line :
       {"", "x", "{}", R"({"result":{"events":[{}]}})", R"({"result":{"events":{}}})",
        R"({"result":{"events":[{"type":"RENAME","kv":{"key":"YQ=="}}]}})",
        R"({"result":{"events":[{"kv":{"key":""}}]}})"}) {
    EXPECT_FALSE(decode_watch_line(line)) << line;
  }
  const auto error = decode_watch_line(
      R"({"error":{"grpc_code":14,"http_code":503,"message":"etcdserver: no leader"}})");
  ASSERT_FALSE(error);
  EXPECT_EQ(error.error().what, "etcdserver: no leader");
  EXPECT_EQ(error.error().kind, ErrorKind::kFailed);
}

TEST(EtcdErrors, SayWhetherAWriteMayHaveBeenDone) {
  struct Case {
    int code;
    const char* message;
    ErrorKind of_write;
    ErrorKind of_read;
  };
  const std::vector<Case> cases{
      {14, "etcdserver: request timed out", ErrorKind::kUnknown, ErrorKind::kFailed},
      {14, "etcdserver: leader changed", ErrorKind::kUnknown, ErrorKind::kFailed},
      {14, "etcdserver: no leader", ErrorKind::kFailed, ErrorKind::kFailed},
      {8, "etcdserver: too many requests", ErrorKind::kFailed, ErrorKind::kFailed},
      {8, "etcdserver: mvcc: database space exceeded", ErrorKind::kRefused, ErrorKind::kRefused},
      {5, "etcdserver: requested lease not found", ErrorKind::kNotFound, ErrorKind::kNotFound},
      {7, "etcdserver: permission denied", ErrorKind::kRefused, ErrorKind::kRefused},
      {16, "etcdserver: invalid auth token", ErrorKind::kRefused, ErrorKind::kRefused},
      {11, "etcdserver: mvcc: required revision has been compacted", ErrorKind::kRefused,
       ErrorKind::kRefused},
      {2, "context canceled", ErrorKind::kUnknown, ErrorKind::kFailed},
  };
  for (const auto& [code, message, of_write, of_read] : cases) {
    const std::string body = R"({"error":")"s + message + R"(","message":")" + message +
                             R"(","code":)" + std::to_string(code) + "}";
    EXPECT_EQ(decode_error(500, body, Effect::kWrites).kind, of_write) << message;
    EXPECT_EQ(decode_error(500, body, Effect::kNothing).kind, of_read) << message;
    EXPECT_EQ(decode_error(500, body, Effect::kNothing).what, message);
  }
}

TEST(EtcdErrors, OfAnythingElseAreOneLine) {
  const auto error = decode_error(502, "<html>\n</html>", Effect::kWrites);
  EXPECT_EQ(error.kind, ErrorKind::kUnknown);
  EXPECT_EQ(error.what, "answers with HTTP status 502");
  EXPECT_EQ(decode_error(400, "CommonName\nis \r\n", Effect::kNothing).what,
            "answers with HTTP status 400: CommonName is");
  EXPECT_EQ(decode_error(400, "\n", Effect::kNothing).what, "answers with HTTP status 400");
  const std::string hostile = R"({"message":"a\nb\u001b[31m)" + std::string(9000, 'x') + "\"}";
  const auto cut = decode_error(500, hostile, Effect::kNothing);
  EXPECT_EQ(cut.what.size(), 512U);
  EXPECT_EQ(cut.what.find_first_of("\n\x1b"), std::string::npos);
}

TEST(EtcdErrors, InPlainTextAreSaid) {
  const auto refused = decode_error(400, "CommonName of client\n", Effect::kWrites);
  EXPECT_EQ(refused.kind, ErrorKind::kRefused);
  EXPECT_EQ(refused.what, "answers with HTTP status 400: CommonName of client");
  const auto gone = decode_error(404, "404 page not found\n", Effect::kNothing);
  EXPECT_EQ(gone.kind, ErrorKind::kFailed);
  EXPECT_EQ(gone.what, "answers with HTTP status 404: 404 page not found");
  EXPECT_EQ(decode_error(400, "{}", Effect::kWrites).kind, ErrorKind::kUnknown);
}

TEST(EtcdErrors, AreToldApart) {
  const auto error = [](const char* body) { return decode_error(400, body, Effect::kWrites); };
  EXPECT_TRUE(is_compacted(error(R"({"code":11,"message":"x"})")));
  EXPECT_FALSE(is_compacted(error(R"({"code":8,"message":"x"})")));
  EXPECT_TRUE(
      is_full(error(R"({"code":8,"message":"etcdserver: mvcc: database space exceeded"})")));
  EXPECT_FALSE(is_full(error(R"({"code":8,"message":"etcdserver: too many requests"})")));
  EXPECT_TRUE(is_bad_token(error(R"({"code":16,"message":"x"})")));
  EXPECT_TRUE(
      is_bad_token(error(R"({"code":3,"message":"etcdserver: revision of auth store is old"})")));
  EXPECT_FALSE(is_bad_token(error(R"({"code":7,"message":"etcdserver: permission denied"})")));
}

TEST(EtcdKeys, EndAPrefixBehindItsLastKey) {
  EXPECT_EQ(end_of_prefix("/a/"), "/a0");
  EXPECT_EQ(end_of_prefix("a\xff"), "b");
  EXPECT_EQ(end_of_prefix("\xff"), "\0"s);
}

}  // namespace
}  // namespace mayfly::etcd
