#include "agent/loop.h"

#include <gtest/gtest.h>

#include "agent/clock.h"

namespace mayfly::agent {
namespace {

using namespace std::chrono_literals;

class Turns : public testing::Test {
 protected:
  core::Time step(const std::vector<core::Event>& events) {
    batches.push_back(events.size());
    if (on_step) on_step();
    return wake_at;
  }
  /// Until nothing is left to be done at once.
  void run() {
    context.restart();
    context.poll();
  }

  boost::asio::io_context context{1};
  Inbox inbox;
  core::Time wake_at = core::kNever;
  std::function<void()> on_step;
  std::vector<std::size_t> batches;  ///< the sizes of those that were stepped with
  int settled = 0;
  Loop loop{context, inbox,
            [this](const std::vector<core::Event>& events) { return step(events); }};

  void SetUp() override {
    loop.on_settled([this] { ++settled; });
    loop.start();
    run();
  }
};

TEST_F(Turns, TakeAllThatWasPostedTogetherInOne) {
  inbox.post(core::RuntimeHinted{});
  inbox.post(core::RuntimeHinted{});
  run();
  EXPECT_EQ(batches, (std::vector<std::size_t>{0, 2}));
  EXPECT_EQ(settled, 2);
}

TEST_F(Turns, ComeOfThemselvesWhenTheStepBeforeSaidSo) {
  wake_at = monotonic_now() + 1ms;
  loop.ask_turn();
  run();
  wake_at = core::kNever;
  context.restart();
  while (batches.size() < 3) context.run_one();
  EXPECT_EQ(batches, (std::vector<std::size_t>{0, 0, 0}));
}

TEST_F(Turns, ComeWhenTheyAreAskedForWithoutAnEvent) {
  loop.ask_turn();
  loop.ask_turn();
  run();
  EXPECT_EQ(batches, (std::vector<std::size_t>{0, 0}));
  EXPECT_EQ(settled, 2);
}

TEST_F(Turns, AreNotSettledBeforeTheyAreDone) {
  on_step = [this] { EXPECT_EQ(settled, 1); };
  loop.ask_turn();
  run();
  EXPECT_EQ(settled, 2);
}

TEST_F(Turns, AreNotSettledWhenTheirStepAsksForTheNextByAnEvent) {
  on_step = [this] { inbox.post(core::RuntimeHinted{}); };
  loop.ask_turn();
  context.restart();
  while (batches.size() < 1000) context.run_one();
  EXPECT_EQ(settled, 1);
  on_step = {};
  run();
  EXPECT_EQ(settled, 2);
}

TEST_F(Turns, AreNotSettledWhenTheNextIsDueByTheTimeTheyEnd) {
  on_step = [this] { wake_at = monotonic_now() + 1ns; };
  loop.ask_turn();
  context.restart();
  while (batches.size() < 1000) context.run_one();
  EXPECT_EQ(settled, 1);
  on_step = [this] { wake_at = core::kNever; };
  loop.ask_turn();
  run();
  EXPECT_GT(settled, 1);
}

}  // namespace
}  // namespace mayfly::agent
