#include "agent/webhook/news.h"

#include <gtest/gtest.h>

namespace mayfly::webhook {
namespace {

using namespace std::chrono_literals;
using Kind = config::WebhookEvent;
using Lines = std::vector<std::string>;

class NewsTest : public testing::Test {
 protected:
  void SetUp() override {
    model_.adopted = true;
    add_pool("encode", 2);
    EXPECT_EQ(look(), Lines{}) << "the first look is at how things are";
  }

  core::Pool& add_pool(const std::string& name, std::uint32_t replicas) {
    core::Pool& pool = model_.pools[name];
    pool.settings.name = name;
    pool.settings.replicas = replicas;
    pool.settings.revision = core::Revision{1};
    for (core::SlotIndex i = 0; i < replicas; ++i) fill(pool, i);
    return pool;
  }
  static void fill(core::Pool& pool, core::SlotIndex slot) {
    pool.slots[slot].worker = core::WorkerId{slot + 1};
  }
  void empty(core::Pool& pool, core::SlotIndex slot) const {
    pool.slots[slot].worker.reset();
    pool.slots[slot].free_since = now_;
  }
  core::Pool& pool() { return model_.pools.at("encode"); }

  std::vector<Event> events() {
    const auto why = [](const core::PoolName&, core::SlotIndex slot) {
      return core::EmptySlot{core::EmptyReason::kBackoff, "slot " + std::to_string(slot), {}};
    };
    return news_.look({now_, model_, why, coordinator_});
  }
  /// "type subject" of each.
  Lines look() {
    Lines lines;
    for (const Event& event : events()) lines.push_back(type_of(event.kind) + " " + event.pool);
    return lines;
  }

  core::Time now_{1h};
  core::Model model_;
  std::string coordinator_;
  News news_;
};

TEST_F(NewsTest, TellsOfAPoolThatIsNewChangedOrGone) {
  add_pool("other", 1);
  EXPECT_EQ(look(), Lines{"io.mayfly.pool.applied other"});
  EXPECT_EQ(look(), Lines{});
  pool().settings.replicas = 1;
  EXPECT_EQ(look(), Lines{"io.mayfly.pool.applied encode"});
  pool().dropped = true;
  EXPECT_EQ(look(), Lines{"io.mayfly.pool.deleted encode"});
  model_.pools.erase("encode");
  EXPECT_EQ(look(), Lines{});
  add_pool("encode", 1);
  EXPECT_EQ(look(), Lines{"io.mayfly.pool.applied encode"});
}

TEST_F(NewsTest, SaysNothingOfWorkersThatComeAndGo) {
  for (int i = 0; i < 1000; ++i) {
    empty(pool(), 0);
    EXPECT_EQ(look(), Lines{});
    ++pool().counters.exits[core::ExitClass::kFail];
    now_ += 9s;
    EXPECT_EQ(look(), Lines{}) << "not empty for long enough";
    fill(pool(), 0);
  }
}

TEST_F(NewsTest, CallsAPoolDegradedOnceWhenASlotStandsEmptyForTooLong) {
  empty(pool(), 1);
  now_ += 1s;
  empty(pool(), 0);
  now_ += News::kEmptyMax;
  const auto found = events();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].kind, Kind::kPoolDegraded);
  EXPECT_EQ(found[0].texts[1].second, "backoff");
  EXPECT_EQ(found[0].texts[2].second, "slot 1") << "the one that waits for longest";
  EXPECT_EQ(found[0].numbers.back(), (std::pair<std::string, std::int64_t>("empty", 2)));
  now_ += 1h;
  EXPECT_EQ(look(), Lines{});
}

TEST_F(NewsTest, CallsItRecoveredWhenItHasBeenWellForAWhile) {
  empty(pool(), 0);
  now_ += News::kEmptyMax;
  (void)look();
  fill(pool(), 0);
  now_ += News::kCalm - 1s;
  EXPECT_EQ(look(), Lines{});
  empty(pool(), 0);
  now_ += News::kEmptyMax;
  EXPECT_EQ(look(), Lines{}) << "it is degraded still, and that has been said";
  fill(pool(), 0);
  now_ += News::kCalm;
  EXPECT_EQ(look(), Lines{"io.mayfly.pool.recovered encode"});
  EXPECT_EQ(look(), Lines{});
}

TEST_F(NewsTest, DoesNotJudgeWhatIsNotMeantToRun) {
  empty(pool(), 0);
  now_ += 1h;
  pool().slots[0].leaving = true;
  EXPECT_EQ(look(), Lines{}) << "a slot that is scaled away";
  pool().slots[0].leaving = false;
  pool().settings.paused = true;
  EXPECT_EQ(look(), Lines{"io.mayfly.pool.applied encode"});
  pool().settings.paused = false;
  model_.adopted = false;
  EXPECT_EQ(look(), Lines{"io.mayfly.pool.applied encode"});
  model_.adopted = true;
  model_.host_shutdown = core::HostShutdown{};
  EXPECT_EQ(look(), Lines{});
  model_.host_shutdown.reset();
  EXPECT_EQ(look(), Lines{"io.mayfly.pool.degraded encode"});
}

TEST_F(NewsTest, TellsOfTheRuntimeAndOfTheCoordinator) {
  model_.runtime_up = false;
  model_.runtime_fault = "connection refused";
  coordinator_ = "connecting";
  const auto lost = events();
  ASSERT_EQ(lost.size(), 1U) << "a coordinator that was never there is not lost";
  EXPECT_EQ(lost[0].kind, Kind::kRuntimeLost);
  EXPECT_EQ(lost[0].texts[0].second, "connection refused");
  model_.runtime_up = true;
  coordinator_ = "connected";
  EXPECT_EQ(look(), Lines{"io.mayfly.runtime.found "});
  coordinator_ = "lost";
  EXPECT_EQ(look(), Lines{"io.mayfly.coordinator.lost "});
  EXPECT_EQ(look(), Lines{});
  coordinator_ = "connected";
  EXPECT_EQ(look(), Lines{"io.mayfly.coordinator.found "});
  EXPECT_EQ(look(), Lines{});
}

}  // namespace
}  // namespace mayfly::webhook
