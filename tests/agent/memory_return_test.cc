#include "agent/memory_return.h"

#include <gtest/gtest.h>

namespace mayfly::agent {
namespace {

using std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto kQuiet = 50ms;

class Memory : public testing::Test {
 protected:
  MemoryReturn make() {
    MemoryReturn::Options options;
    options.quiet = kQuiet;
    options.give = [this] { given_.push_back(steady_clock::now()); };
    return MemoryReturn(loop_, options);
  }
  /// Until nothing is waited for any more.
  void run() {
    loop_.restart();
    loop_.run();
  }

  boost::asio::io_context loop_;
  std::vector<steady_clock::time_point> given_;
};

TEST_F(Memory, IsGivenBackOnceWhenWorkHasGoneQuiet) {
  auto memory = make();
  const auto from = steady_clock::now();
  memory.worked();
  memory.worked();
  run();
  ASSERT_EQ(given_.size(), 1U);
  EXPECT_GE(given_[0] - from, kQuiet);
}

TEST_F(Memory, IsKeptWhileThereIsWork) {
  auto memory = make();
  memory.worked();
  steady_clock::time_point last;
  boost::asio::steady_timer later(loop_, kQuiet / 2);
  later.async_wait([&](auto) {
    last = steady_clock::now();
    memory.worked();
  });
  run();
  ASSERT_EQ(given_.size(), 1U);
  EXPECT_GE(given_[0] - last, kQuiet);
}

TEST_F(Memory, IsGivenBackAgainAfterFurtherWorkOnly) {
  auto memory = make();
  run();
  EXPECT_TRUE(given_.empty()) << "no clock of its own";
  for (const std::size_t times : {1U, 2U}) {
    memory.worked();
    run();
    EXPECT_EQ(given_.size(), times);
  }
}

}  // namespace
}  // namespace mayfly::agent
