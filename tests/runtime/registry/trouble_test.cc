#include "runtime/registry/trouble.h"

#include <gtest/gtest.h>

namespace mayfly::registry {
namespace {

using runtime::FaultKind;
using namespace std::chrono_literals;

HttpReply reply(long status, const std::string& body = {}) {
  HttpReply reply;
  reply.status = status;
  reply.body = body;
  return reply;
}

const Asked kAsked{"a.example", "x:1", {}};

TEST(Trouble, IsOfTheKindThatTellsWhatToDo) {
  EXPECT_EQ(trouble_of(reply(404), kAsked).fault.kind, FaultKind::kNotFound);
  EXPECT_EQ(trouble_of(reply(401), kAsked).fault.kind, FaultKind::kRefused);
  EXPECT_EQ(trouble_of(reply(403), kAsked).fault.kind, FaultKind::kRefused);
  EXPECT_EQ(trouble_of(reply(500), kAsked).fault.kind, FaultKind::kFailed);
  EXPECT_EQ(trouble_of(reply(418), kAsked).fault.kind, FaultKind::kFailed);
  using Kind = HttpFailure::Kind;
  EXPECT_EQ(trouble_of({Kind::kStalled, ""}, kAsked).fault.kind, FaultKind::kFailed);
  EXPECT_EQ(trouble_of({Kind::kUntrusted, ""}, kAsked).fault.kind, FaultKind::kRefused);
}

TEST(Trouble, IsTriedAgainOnlyWhereThatMayHelp) {
  for (const long status : {429L, 500L, 502L, 503L, 504L}) {
    EXPECT_GT(trouble_of(reply(status), kAsked).cost, 0) << status;
  }
  for (const long status : {400L, 401L, 403L, 404L, 418L}) {
    EXPECT_EQ(trouble_of(reply(status), kAsked).cost, 0) << status;
  }
  EXPECT_EQ(trouble_of({HttpFailure::Kind::kStopped, ""}, kAsked).cost, 0);
  EXPECT_GT(trouble_of({HttpFailure::Kind::kCut, ""}, kAsked).cost, 0);
  EXPECT_GT(trouble_of({HttpFailure::Kind::kUnanswered, ""}, kAsked).cost,
            trouble_of({HttpFailure::Kind::kUnreachable, ""}, kAsked).cost);
}

TEST(Trouble, SaysWhichRegistryWhatAndWhatToDo) {
  const auto words =
      trouble_of(reply(401, R"({"errors":[{"code":"UNAUTHORIZED","message":"no"}]})"),
                 {"a.example", "x:1", "bob"})
          .fault.what;
  for (const auto* part : {"a.example", "x:1", "bob", "UNAUTHORIZED: no"}) {
    EXPECT_NE(words.find(part), std::string::npos) << words;
  }
  EXPECT_NE(trouble_of(reply(401), kAsked).fault.what.find("docker login a.example"),
            std::string::npos);
}

TEST(Trouble, WaitsAsLongAsTheRegistryWishes) {
  auto busy = reply(429);
  busy.headers["retry-after"] = {"7"};
  EXPECT_EQ(trouble_of(busy, kAsked).wait, 7s);
  for (const auto* bad : {"", "x", "-1", "1.5", "99999999999999999999", "Wed, 21 Oct 2026"}) {
    busy.headers["retry-after"] = {bad};
    EXPECT_FALSE(trouble_of(busy, kAsked).wait) << bad;
  }
}

TEST(RegistryWords, AreOneBoundedLine) {
  EXPECT_EQ(registry_words(R"({"errors":[{"code":"A","message":"b\n\u001b[31m"}]})"), "A: b??[31m");
  EXPECT_EQ(registry_words(R"({"details":"no such user"})"), "no such user");
  EXPECT_LT(registry_words(R"({"details":")" + std::string(9000, 'x') + "\"}").size(), 300U);
  for (const auto* bad : {"", "<html>", "[]", "{}", R"({"errors":[]})", R"({"errors":[1]})",
                          R"({"errors":{}})", R"({"errors":[{"code":1}]})", R"({"details":1})"}) {
    EXPECT_EQ(registry_words(bad), "") << bad;
  }
}

}  // namespace
}  // namespace mayfly::registry
