#include <signal.h>

#include <fstream>

#include "tests/runtime/containerd/driver_fixture.h"

namespace mayfly::containerd {
namespace {

using runtime::FaultKind;
using runtime::State;

class Driver : public DriverTest {};

TEST_F(Driver, CreatesAContainerThatRuns) {
  const auto one = spec("one", {"/bin/probe", "sleep"});
  const auto started = create(one);
  ASSERT_TRUE(started) << started.error().what;
  EXPECT_EQ(kill(started->pid, 0), 0);
  const auto listed = find(one.name);
  ASSERT_TRUE(listed);
  EXPECT_EQ(listed->state, State::kRunning);
  EXPECT_EQ(listed->pid, started->pid);
  EXPECT_EQ(listed->cgroup, started->cgroup);
  EXPECT_NE(support::read_file("/proc/" + std::to_string(started->pid) + "/cgroup")
                .find(":" + started->cgroup + "\n"),
            std::string::npos);
  EXPECT_EQ(listed->labels.at("mayfly.worker"), "one");
  EXPECT_EQ(listed->labels.at("mayfly.instance"), "test");
}

TEST_F(Driver, TellsItsVersion) {
  const auto version = answer<runtime::About>([&](auto done) { driver().about(std::move(done)); });
  ASSERT_TRUE(version) << version.error().what;
  EXPECT_EQ(version->runtime, "containerd");
  EXPECT_FALSE(version->version.empty());
}

TEST_F(Driver, TellsAnExitCode) {
  ASSERT_TRUE(create(spec("seven", {"/bin/probe", "exit", "7"})));
  const auto status = end_of("mayfly-test-seven");
  EXPECT_EQ(status.code, 7);
  EXPECT_EQ(status.signal, 0);
  const auto listed = find("mayfly-test-seven");
  ASSERT_TRUE(listed);
  EXPECT_EQ(listed->state, State::kStopped);
  ASSERT_TRUE(listed->status);
  EXPECT_EQ(listed->status->code, 7);
}

TEST_F(Driver, TellsADeathBySignal) {
  const auto started = create(spec("killed", {"/bin/probe", "sleep"}));
  ASSERT_TRUE(started) << started.error().what;
  ASSERT_EQ(kill(started->pid, SIGKILL), 0);
  EXPECT_EQ(end_of("mayfly-test-killed").signal, SIGKILL);
}

TEST_F(Driver, SaysThatARunningContainerHasNoExitStatusYet) {
  ASSERT_TRUE(create(spec("runs", {"/bin/probe", "sleep"})));
  const auto status = exit_status("mayfly-test-runs");
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().kind, FaultKind::kFailed);
}

TEST_F(Driver, SaysThatAnAbsentContainerIsNotThere) {
  const auto status = exit_status("mayfly-test-nobody");
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().kind, FaultKind::kNotFound);
}

TEST_F(Driver, RemovesARunningContainerAndAllItsParts) {
  const auto started = create(spec("gone", {"/bin/probe", "sleep"}));
  ASSERT_TRUE(started) << started.error().what;
  const auto removed = remove("mayfly-test-gone");
  ASSERT_TRUE(removed) << removed.error().what;
  EXPECT_EQ(kill(started->pid, 0), -1);
  EXPECT_FALSE(find("mayfly-test-gone"));
  EXPECT_EQ(daemon().leftovers(), std::vector<std::string>());
}

TEST_F(Driver, RemovesWhatIsNotThere) {
  EXPECT_TRUE(remove("mayfly-test-never"));
  EXPECT_TRUE(remove("mayfly-test-never"));
}

TEST_F(Driver, CreatesAgainOverALeftoverOfTheSameName) {
  const auto first = create(spec("twice", {"/bin/probe", "sleep"}));
  ASSERT_TRUE(first) << first.error().what;
  const auto second = create(spec("twice", {"/bin/probe", "sleep"}));
  ASSERT_TRUE(second) << second.error().what;
  EXPECT_NE(first->pid, second->pid);
  EXPECT_EQ(kill(first->pid, 0), -1);
  EXPECT_EQ(daemon().container_processes(), std::vector<pid_t>{second->pid});
}

TEST_F(Driver, UndoesACreationThatRuncRefuses) {
  const auto created = create(spec("bad", {"/no/such/program"}));
  ASSERT_FALSE(created);
  EXPECT_NE(created.error().kind, FaultKind::kUnknown) << created.error().what;
  EXPECT_NE(created.error().what.find("no such file"), std::string::npos) << created.error().what;
  EXPECT_EQ(created.error().what.find('\n'), std::string::npos);
  EXPECT_FALSE(find("mayfly-test-bad"));
  EXPECT_EQ(daemon().leftovers(), std::vector<std::string>());
}

TEST_F(Driver, RefusesASpecThatCannotBe) {
  auto nobody = spec("nobody", {"/bin/probe", "sleep"});
  nobody.user = "nobody-of-that-name";
  const auto created = create(nobody);
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().kind, FaultKind::kRefused) << created.error().what;
  EXPECT_FALSE(find(nobody.name));
}

TEST_F(Driver, RefusesAnImageThatIsNotThere) {
  auto lost = spec("lost", {"/bin/probe", "sleep"});
  lost.image = "sha256:" + std::string(64, '0');
  const auto created = create(lost);
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().kind, FaultKind::kNotFound) << created.error().what;
}

TEST_F(Driver, RefusesNamesThatAreNotOurs) {
  auto foreign = spec("x", {"/bin/probe", "sleep"});
  foreign.name = "somebody-else";
  const auto created = create(foreign);
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().kind, FaultKind::kRefused);
  const auto removed = remove("somebody-else");
  ASSERT_FALSE(removed);
  EXPECT_EQ(removed.error().kind, FaultKind::kRefused);
}

TEST_F(Driver, LeavesTheContainersOfAnotherInstanceAlone) {
  auto others = options();
  others.owned = {"mayfly.instance", "other", "mayfly-other-"};
  const auto other = make_driver(loop(), others);
  other->start([](runtime::Hint) {});
  auto theirs = spec("x", {"/bin/probe", "sleep"});
  theirs.name = "mayfly-other-x";
  theirs.labels["mayfly.instance"] = "other";
  const auto started =
      answer<runtime::Started>([&](auto done) { other->create(theirs, std::move(done)); });
  ASSERT_TRUE(started) << started.error().what;
  EXPECT_FALSE(find(theirs.name));
  EXPECT_FALSE(remove(theirs.name));
  EXPECT_EQ(kill(started->pid, 0), 0);
  EXPECT_TRUE(
      answer<std::monostate>([&](auto done) { other->remove(theirs.name, std::move(done)); }));
}

TEST_F(Driver, LeavesNothingAfterManyLives) {
  const int cycles = 100;
  for (int cycle = 0; cycle < cycles; ++cycle) {
    const auto name = "life-" + std::to_string(cycle);
    const auto first = spec(name + "-a", {"/bin/probe", "exit", "0"});
    const auto second = spec(name + "-b", {"/bin/probe", "sleep"});
    int created = 0;
    int removed = 0;
    for (const auto& one : {first, second}) {
      driver().create(one, [&](const auto& started) {
        EXPECT_TRUE(started) << started.error().what;
        ++created;
      });
    }
    ASSERT_TRUE(until([&] { return created == 2; }));
    for (const auto& one : {first, second}) {
      driver().remove(one.name, [&](const auto& gone) {
        EXPECT_TRUE(gone) << gone.error().what;
        ++removed;
      });
    }
    ASSERT_TRUE(until([&] { return removed == 2; }));
  }
  const auto left = list();
  ASSERT_TRUE(left);
  EXPECT_TRUE(left->empty());
  EXPECT_EQ(daemon().leftovers(), std::vector<std::string>());
}

TEST_F(Driver, HintsWhenAContainerOfOursEnds) {
  ASSERT_TRUE(until([&] { return !hints.empty(); }));
  EXPECT_EQ(hints.front().kind, runtime::Hint::Kind::kFound);
  ASSERT_TRUE(create(spec("ends", {"/bin/probe", "exit", "0"})));
  EXPECT_TRUE(until([&] { return hints.back().kind == runtime::Hint::Kind::kChanged; }));
  EXPECT_NE(hints.back().what.find("mayfly-test-ends"), std::string::npos);
}

TEST_F(Driver, IsDestroyedInTheMiddleOfCalls) {
  for (int turns = 0; turns < 40; ++turns) {
    use(options());
    driver().create(spec("half", {"/bin/probe", "sleep"}), [](const auto&) {});
    driver().list([](const auto&) {});
    driver().prepare_image({kBusybox, {}, {}}, [](const auto&) {});
    driver().import_image("/nonexistent", {}, [](const auto&) {});
    for (int turn = 0; turn < turns; ++turn) loop().run_one_for(5ms);
  }
  use(options());
}

}  // namespace
}  // namespace mayfly::containerd
