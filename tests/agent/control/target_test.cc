#include <gtest/gtest.h>

#include "agent/control/http.h"

namespace mayfly::control {
namespace {

TEST(Target, IsSplitIntoDecodedSegmentsAndQuery) {
  const auto target = parse_target("/v1/pools/a%2Fb/scale?name=x%20y+z&empty=");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->segments, (std::vector<std::string>{"v1", "pools", "a/b", "scale"}));
  EXPECT_EQ(target->query, (Query{{"name", "x y z"}, {"empty", ""}}));
}

TEST(Target, KeepsAPlusInThePath) {
  const auto target = parse_target("/a+b");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->segments.front(), "a+b");
}

TEST(Target, RefusesWhatIsNoPathOrCannotBeDecoded) {
  for (const char* text : {"", "v1/status", "*", "http://x/v1", "/a%", "/a%2", "/a%zz", "/a%00",
                           "/a%0a", "/a%7f", "/a?b=%1", "/a?=x", "/a?x=1&x=2", "/a?b=%0d"}) {
    EXPECT_FALSE(parse_target(text)) << text;
  }
}

}  // namespace
}  // namespace mayfly::control
