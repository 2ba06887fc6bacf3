#include "agent/names.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace mayfly::agent {
namespace {

TEST(Names, AreReadBackToTheSameWorker) {
  for (const std::uint32_t run : {1U, 12U, 4'294'967'295U}) {
    for (const std::uint64_t above : {0ULL, 1ULL, 3050ULL, 4'294'967'294ULL}) {
      const core::WorkerId id{static_cast<std::uint64_t>(first_worker_of(run)) - 1 + above};
      const auto parsed = parse_worker_name(worker_name("a-pool-2", id));
      ASSERT_TRUE(parsed);
      EXPECT_EQ(parsed->worker, id);
      EXPECT_EQ(parsed->pool, "a-pool-2");
    }
  }
}

TEST(Names, SayTheRunAndTheNumber) {
  EXPECT_EQ(worker_name("encode", first_worker_of(12)), "encode-12-1");
}

TEST(Names, OfOtherShapesAreNobodys) {
  const std::vector<std::string> strangers = {"",
                                              "-",
                                              "encode",
                                              "encode-1",
                                              "-1-2",
                                              "encode--1",
                                              "encode-1-",
                                              "encode-01-2",
                                              "encode-1-02",
                                              "encode-x-1",
                                              "encode-1-x",
                                              "encode-1--2",
                                              "encode-+1-2",
                                              "encode-1-4294967296",
                                              "encode-1- 2"};
  for (const std::string& name : strangers) {
    EXPECT_FALSE(parse_worker_name(name)) << name;
  }
}

TEST(Names, OfContainersAreReadForTheirOwnInstanceOnly) {
  const auto worker = worker_of_container("3fa9c2d1", "mayfly-3fa9c2d1-encode-12-1");
  ASSERT_TRUE(worker);
  EXPECT_EQ(worker->pool, "encode");
  EXPECT_EQ(worker->worker, first_worker_of(12));
  for (const char* stranger : {"", "encode-12-1", "mayfly-3fa9c2d1-", "mayfly-3fa9c2d1-encode",
                               "mayfly-00000000-encode-12-1", "x-mayfly-3fa9c2d1-encode-12-1"}) {
    EXPECT_FALSE(worker_of_container("3fa9c2d1", stranger)) << stranger;
  }
}

TEST(Names, OfALaterRunAreAboveAllOfAnEarlierOne) {
  const core::WorkerId last_of_first{static_cast<std::uint64_t>(first_worker_of(2)) - 2};
  EXPECT_LT(last_of_first, first_worker_of(2));
  EXPECT_LT(first_worker_of(1), first_worker_of(2));
}

}  // namespace
}  // namespace mayfly::agent
