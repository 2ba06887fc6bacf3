#include "runtime/oci/accounts.h"

#include <gtest/gtest.h>

namespace mayfly::oci {
namespace {

const Accounts kAccounts{
    "root:x:0:0:root:/root:/bin/sh\n"
    "# a comment\n"
    "broken line\n"
    "short:x:5\n"
    "wild:x:many:5::/:/bin/sh\n"
    "worker:x:1000:1001::/home/worker:/bin/sh\n"
    "nohome:x:1002:1002::relative:/bin/sh\n"
    "last:x:1003:1003::/last:/bin/sh",
    "root:x:0:\n"
    "own:x:1001:worker\n"
    "extra:x:2000:somebody,worker\n"
    "other:x:2001:somebody\n"
    "bad:x:no:worker\n"
    "audio:x:29:worker,last"};

using Gids = std::vector<std::uint32_t>;

struct Row {
  const char* text;
  std::uint32_t uid;
  std::uint32_t gid;
  Gids additional;
  const char* home;
};

TEST(ResolveUser, FindsNamesAndNumbers) {
  for (const auto& row : {
           Row{"", 0, 0, {}, "/root"},
           Row{"0", 0, 0, {}, "/root"},
           Row{"root", 0, 0, {}, "/root"},
           Row{"worker", 1000, 1001, {2000, 29}, "/home/worker"},
           Row{"1000", 1000, 1001, {2000, 29}, "/home/worker"},
           Row{"worker:extra", 1000, 2000, {}, "/home/worker"},
           Row{"worker:5", 1000, 5, {}, "/home/worker"},
           Row{"1000:0", 1000, 0, {}, "/home/worker"},
           Row{"4321", 4321, 0, {}, "/"},
           Row{"4321:1234", 4321, 1234, {}, "/"},
           Row{"4321:audio", 4321, 29, {}, "/"},
           Row{"nohome", 1002, 1002, {}, "/"},
           Row{"last", 1003, 1003, {29}, "/last"},
           Row{":audio", 0, 29, {}, "/root"},
           Row{"4294967294", 4294967294U, 0, {}, "/"},
       }) {
    const auto user = resolve_user(row.text, kAccounts);
    ASSERT_TRUE(user) << row.text << ": " << user.error();
    EXPECT_EQ(user->uid, row.uid) << row.text;
    EXPECT_EQ(user->gid, row.gid) << row.text;
    EXPECT_EQ(user->additional_gids, row.additional) << row.text;
    EXPECT_EQ(user->home, row.home) << row.text;
  }
}

TEST(ResolveUser, RefusesWhoIsNotThere) {
  for (const auto* text :
       {"nobody", "worker:nogroup", "wild", "short", "broken line", "4294967295", "0:4294967295",
        "99999999999", "-1", "0x0", "worker:bad", " worker", "+5", "5 "}) {
    EXPECT_FALSE(resolve_user(text, kAccounts)) << text;
  }
}

TEST(ResolveUser, KnowsOnlyNumbersInAnImageWithoutAccounts) {
  EXPECT_EQ(resolve_user("65534:65534", {})->uid, 65534U);
  EXPECT_EQ(resolve_user("", {})->home, "/root");
  EXPECT_FALSE(resolve_user("root", {}));
}

TEST(ResolveUser, TakesTheFirstOfTwoLines) {
  EXPECT_EQ(resolve_user("a", {"a:x:1:1::/:\na:x:2:2::/:\n", ""})->uid, 1U);
}

}  // namespace
}  // namespace mayfly::oci
