// Answers that get lost between the runtime and the driver: whichever it is, what happened is never
// told as not having happened, is found by a list, and goes by a removal.
#include "tests/runtime/conformance/fixture.h"
#include "tests/support/lossy_proxy.h"

namespace mayfly::conformance {
namespace {

using runtime::FaultKind;
using runtime::State;
using Loss = support::LossyProxy::Loss;

constexpr int kPiecesMax = 60;  ///< of one call, with what else comes on its connection

class LostAnswers : public Conformance {
 protected:
  void SetUp() override {
    Conformance::SetUp();
    proxy_ = std::make_unique<support::LossyProxy>(daemon().directory() + "/proxy.sock",
                                                   daemon().socket());
  }

  void TearDown() override {
    lossy_.reset();
    proxy_.reset();
    Conformance::TearDown();
  }

  /// A driver that knows the image, with the proxy before the runtime.
  runtime::Driver& lossy_driver() {
    proxy_->lose_nothing();
    auto through = options();
    through.socket = proxy_->socket();
    through.call_deadline = 1000ms;
    lossy_ = connected_driver(through);
    return *lossy_;
  }

  /// `check` is called once for each answer that can be lost, with the one that was lost.
  void for_each_answer(Loss loss, const std::function<void(runtime::Driver&)>& check) {
    int lost = 0;
    for (int pieces = 0; pieces < kPiecesMax; ++pieces) {
      auto& driver = lossy_driver();
      proxy_->lose_answer_after(pieces, loss);
      check(driver);
      if (HasFatalFailure()) return;
      if (!proxy_->has_lost()) break;
      ++lost;
    }
    EXPECT_GT(lost, 0);
    EXPECT_LT(lost, kPiecesMax);
  }

  /// Of a creation through the lossy driver, by what another one finds.
  void expect_the_truth(const runtime::ContainerSpec& one,
                        const runtime::Result<runtime::Started>& created) {
    const auto found = find(one.name);
    if (created) {
      ASSERT_TRUE(found);
      EXPECT_EQ(found->state, State::kRunning);
      EXPECT_EQ(found->pid, created->pid);
    } else if (created.error().kind != FaultKind::kUnknown) {
      EXPECT_FALSE(found) << created.error().what;
    }
  }

  void create_and_lose(Loss loss) {
    const auto one = spec("created");
    for_each_answer(loss, [&](runtime::Driver& driver) {
      const auto created =
          answer<runtime::Started>([&](auto done) { driver.create(one, std::move(done)); });
      expect_the_truth(one, created);
      expect_all_removed();
    });
  }

  void remove_and_lose(Loss loss) {
    const auto one = spec("removed");
    for_each_answer(loss, [&](runtime::Driver& driver) {
      ASSERT_TRUE(create(one));
      const auto removed =
          answer<std::monostate>([&](auto done) { driver.remove(one.name, std::move(done)); });
      if (removed) {
        EXPECT_FALSE(find(one.name));
      }
      expect_all_removed();
    });
  }

  void ask_and_lose(Loss loss) {
    const auto ended = spec("ended", {"/bin/probe", "exit", "7"});
    ASSERT_TRUE(create(ended));
    end_of(ended.name);
    for_each_answer(loss, [&](runtime::Driver& driver) {
      const auto all =
          answer<std::vector<runtime::Container>>([&](auto done) { driver.list(std::move(done)); });
      if (all) {
        ASSERT_EQ(all->size(), 1U);
        EXPECT_EQ(all->at(0).state, State::kStopped);
      }
      const auto status = answer<std::optional<runtime::ExitStatus>>(
          [&](auto done) { driver.exit_status(ended.name, std::move(done)); });
      if (!status) {
        EXPECT_EQ(status.error().kind, FaultKind::kUnknown) << status.error().what;
      } else {
        ASSERT_TRUE(*status);
        EXPECT_EQ((*status)->code, 7);
      }
    });
  }

  std::unique_ptr<support::LossyProxy> proxy_;
  std::unique_ptr<runtime::Driver> lossy_;
};

TEST_F(LostAnswers, OfACreationByACutConnectionAreUnknown) {
  create_and_lose(Loss::kCut);
}

TEST_F(LostAnswers, OfACreationInSilenceAreUnknown) {
  create_and_lose(Loss::kSwallow);
}

TEST_F(LostAnswers, OfARemovalByACutConnectionAreMadeGoodByAnother) {
  remove_and_lose(Loss::kCut);
}

TEST_F(LostAnswers, OfARemovalInSilenceAreMadeGoodByAnother) {
  remove_and_lose(Loss::kSwallow);
}

TEST_F(LostAnswers, OfAQuestionAreNeverTakenForNo) {
  ask_and_lose(Loss::kCut);
  ask_and_lose(Loss::kSwallow);
}

}  // namespace
}  // namespace mayfly::conformance
