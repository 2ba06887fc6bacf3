// The runtime killed, stopped and restarted under the driver.
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/descriptor.h"
#include "tests/runtime/conformance/fixture.h"

namespace mayfly::conformance {
namespace {

using runtime::FaultKind;
using runtime::Hint;

class Faults : public Conformance {
 protected:
  /// So many moments, evenly over the time that one creation takes here and now.
  std::vector<std::chrono::milliseconds> moments_of_a_creation(int count) {
    return moments(
        count, [this] { ASSERT_TRUE(create(spec("measured"))); },
        [this] { ASSERT_TRUE(remove(spec("measured").name)); });
  }

  std::vector<std::chrono::milliseconds> moments_of_a_removal(int count) {
    EXPECT_TRUE(create(spec("measured")));
    return moments(
        count, [this] { ASSERT_TRUE(remove(spec("measured").name)); }, [] {});
  }

 private:
  static std::vector<std::chrono::milliseconds> moments(int count,
                                                        const std::function<void()>& measured,
                                                        const std::function<void()>& undo) {
    const auto start = std::chrono::steady_clock::now();
    measured();
    const auto took = std::chrono::steady_clock::now() - start;
    undo();
    std::vector<std::chrono::milliseconds> list;
    for (int number = 0; number < count; ++number) {
      list.push_back(std::chrono::duration_cast<std::chrono::milliseconds>(took * number / count));
    }
    return list;
  }
};

TEST_F(Faults, HintsThatTheRuntimeIsLostAndFoundAgain) {
  ASSERT_TRUE(heard(Hint::Kind::kFound));
  hints.clear();
  daemon().kill9();
  ASSERT_TRUE(heard(Hint::Kind::kLost));
  EXPECT_NE(hints.back().what.find(world().traits().runtime), std::string::npos);
  hints.clear();
  daemon().start();
  ASSERT_TRUE(heard(Hint::Kind::kFound));
  const auto version = answer<runtime::About>([&](auto done) { driver().about(std::move(done)); });
  EXPECT_TRUE(version) << version.error().what;
}

TEST_F(Faults, HeedsThatTheRuntimeIsSaidToBeBackWhateverIsTrue) {
  ASSERT_TRUE(heard(Hint::Kind::kFound));
  hints.clear();
  driver().connect_now();
  EXPECT_TRUE(list()) << "nothing happens to a connection that is there";
  daemon().kill9();
  ASSERT_TRUE(heard(Hint::Kind::kLost));
  driver().connect_now();
  daemon().start();
  driver().connect_now();
  EXPECT_TRUE(heard(Hint::Kind::kFound));
}

TEST_F(Faults, WaitsForARuntimeThatIsStartedLater) {
  daemon().kill9();
  use(options());
  std::optional<runtime::Result<runtime::Started>> started;
  driver().create(spec("late"), [&](auto result) { started = result; });
  ASSERT_TRUE(heard(Hint::Kind::kLost));
  daemon().start();
  ASSERT_TRUE(until([&] { return started.has_value(); }));
  EXPECT_TRUE(*started) << started->error().what;
}

TEST_F(Faults, FailsInTimeWithoutARuntime) {
  daemon().kill9();
  auto hasty = options();
  hasty.call_deadline = 200ms;
  use(hasty);
  const auto created = create(spec("never"));
  ASSERT_FALSE(created);
  EXPECT_FALSE(list());
  EXPECT_FALSE(remove("mayfly-test-never"));
  daemon().start();
  use(options());
}

TEST_F(Faults, LeavesWorkersAliveWhenTheRuntimeIsKilled) {
  const auto started = create(spec("lives"));
  ASSERT_TRUE(started) << started.error().what;
  hints.clear();
  daemon().kill9();
  ASSERT_TRUE(heard(Hint::Kind::kLost));
  daemon().start();
  ASSERT_TRUE(heard(Hint::Kind::kFound));
  const auto listed = find("mayfly-test-lives");
  ASSERT_TRUE(listed);
  EXPECT_EQ(listed->pid, started->pid);
  EXPECT_EQ(listed->labels.at("mayfly.worker"), "lives");
}

TEST_F(Faults, KnowsTheExitCodeOfAWorkerThatEndedBeforeTheRuntimeWasKilled) {
  const auto started = create(spec("ended", {"/bin/probe", "exit", "7"}));
  ASSERT_TRUE(started) << started.error().what;
  end_of(spec("ended").name);
  daemon().kill9();
  daemon().start();
  EXPECT_EQ(end_of(spec("ended").name).code, 7);
}

TEST_F(Faults, KnowsTheExitCodeOfAWorkerThatEndedWhileTheRuntimeWasDown) {
  const auto waits =
      spec("waits", {"/bin/sh", "-c", "until [ -e /out/go ]; do sleep 0.01; done; exit 5"});
  const auto started = create(waits);
  ASSERT_TRUE(started) << started.error().what;
  const runtime::Descriptor process(static_cast<int>(syscall(SYS_pidfd_open, started->pid, 0)));
  daemon().kill9();
  support::write_file(out() + "/go", "");
  pollfd ended{process.get(), POLLIN, 0};
  ASSERT_EQ(poll(&ended, 1, 60'000), 1);
  daemon().start();
  EXPECT_EQ(end_of(waits.name).code, 5);
}

TEST_F(Faults, CleansUpAfterARuntimeKilledInTheMiddleOfACreation) {
  constexpr int kRoundsMax = 5;  // where the machine is now busy, now not, a round may miss
  int unknown = 0;
  int number = 0;
  for (int round = 0; round < kRoundsMax && unknown == 0; ++round) {
    for (const auto wait : moments_of_a_creation(9)) {
      // A name is used once, as a worker's is: containerd 1.6, killed while it deletes a task's
      // folder, cannot delete the next of that name.
      const auto one = spec("cut-" + std::to_string(++number));
      std::optional<runtime::Result<runtime::Started>> started;
      driver().create(one, [&](auto result) { started = result; });
      loop().run_for(wait);
      daemon().kill9();
      daemon().start();
      ASSERT_TRUE(until([&] { return started.has_value(); }));
      if (!*started && started->error().kind == FaultKind::kUnknown) ++unknown;
      expect_all_removed();
    }
  }
  EXPECT_GT(unknown, 0);  // or the test has not hit what it is for
}

TEST_F(Faults, CleansUpAfterARuntimeKilledInTheMiddleOfARemoval) {
  int number = 0;
  for (const auto wait : moments_of_a_removal(6)) {
    const auto one = spec("cut-" + std::to_string(++number));
    const auto created = create(one);
    ASSERT_TRUE(created) << created.error().what;
    bool over = false;
    driver().remove(one.name, [&](const auto&) { over = true; });
    loop().run_for(wait);
    daemon().kill9();
    daemon().start();
    ASSERT_TRUE(until([&] { return over; }));
    expect_all_removed();
  }
}

TEST_F(Faults, CallsUnknownWhatARuntimeThatIsStuckDoesNotAnswer) {
  auto hasty = options();
  hasty.call_deadline = 500ms;
  const auto stuck = connected_driver(hasty);
  daemon().stop();
  const auto created =
      answer<runtime::Started>([&](auto done) { stuck->create(spec("stuck"), std::move(done)); });
  const auto removed = answer<std::monostate>(
      [&](auto done) { stuck->remove("mayfly-test-other", std::move(done)); });
  const auto status = answer<std::optional<runtime::ExitStatus>>(
      [&](auto done) { stuck->exit_status("mayfly-test-other", std::move(done)); });
  daemon().go_on();
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().kind, FaultKind::kUnknown) << created.error().what;
  ASSERT_FALSE(removed);
  EXPECT_EQ(removed.error().kind, FaultKind::kUnknown) << removed.error().what;
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().kind, FaultKind::kUnknown) << status.error().what;
  // It was unknown, and it happens.
  EXPECT_TRUE(until([&] { return find("mayfly-test-stuck").has_value(); }));
  expect_all_removed();
}

TEST_F(Faults, SaysThatAStuckRuntimeIsLostAndThatItIsFoundAgain) {
  daemon().stop();
  // A call that comes before the signal is still answered, and nothing is out to be doubted then.
  ASSERT_TRUE(until([&] { return !list(); }));
  EXPECT_TRUE(heard(Hint::Kind::kLost));
  hints.clear();
  daemon().go_on();
  EXPECT_TRUE(heard(Hint::Kind::kFound));
}

TEST_F(Faults, CleansUpAfterCreationsThatWereLate) {
  for (const auto wait : moments_of_a_creation(7)) {
    auto hasty = options();
    hasty.call_deadline = 500ms;
    const auto late = connected_driver(hasty);
    bool over = false;
    late->create(spec("late"), [&](const auto&) { over = true; });
    loop().run_for(wait);
    daemon().stop();
    ASSERT_TRUE(until([&] { return over; }));
    daemon().go_on();
    expect_all_removed();
  }
}

TEST_F(Faults, CleansUpAfterADriverThatWasDestroyedInTheMiddleOfACreation) {
  for (const auto wait : moments_of_a_creation(7)) {
    ASSERT_TRUE(answer<runtime::Image>([&](auto done) {
      driver().prepare_image({kBusybox, {}, runtime::Pull::kNever}, std::move(done));
    }));
    driver().create(spec("half"), [](const auto&) {});
    loop().run_for(wait);
    use(options());
    expect_all_removed();
  }
}

}  // namespace
}  // namespace mayfly::conformance
