#include "config/faults.h"

#include <gtest/gtest.h>

namespace mayfly::config {
namespace {

Faults faults(int count) {
  Faults some;
  for (int i = 1; i <= count; ++i)
    some.push_back({.file = {}, .what = "/" + std::to_string(i) + ": no"});
  return some;
}

TEST(FaultsInOneLine, AreTheFirstThreeAndTheNumberOfTheRest) {
  EXPECT_EQ(in_one_line(faults(1)), "/1: no");
  EXPECT_EQ(in_one_line(faults(3)), "/1: no; /2: no; /3: no");
  EXPECT_EQ(in_one_line(faults(5)), "/1: no; /2: no; /3: no; and 2 more");
}

}  // namespace
}  // namespace mayfly::config
