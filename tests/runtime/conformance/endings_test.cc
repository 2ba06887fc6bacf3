// How containers end, are listed, and go.
#include <signal.h>

#include <set>

#include "tests/runtime/conformance/fixture.h"

namespace mayfly::conformance {
namespace {

using runtime::FaultKind;
using runtime::State;

class Endings : public Conformance {};
class Removal : public Conformance {};
class Listing : public Conformance {};

TEST_F(Endings, TellEachExitCode) {
  for (const int code : {0, 1, 7, 126, 127, 128, 137, 255}) {
    const auto one =
        spec("code-" + std::to_string(code), {"/bin/probe", "exit", std::to_string(code)});
    ASSERT_TRUE(create(one));
    EXPECT_EQ(end_of(one.name).code, code);
    const auto listed = find(one.name);
    ASSERT_TRUE(listed);
    EXPECT_EQ(listed->state, State::kStopped);
    EXPECT_EQ(listed->pid, 0);
    EXPECT_EQ(listed->status.value_or(runtime::ExitStatus{code, 0}).code, code);
    EXPECT_TRUE(remove(one.name));
  }
}

TEST_F(Endings, TellNoSignalOfAnExit) {
  const auto started = create(spec("seven", {"/bin/probe", "exit", "7"}));
  ASSERT_TRUE(started) << started.error().what;
  EXPECT_EQ(end_of(spec("seven").name).signal, 0);
}

TEST_F(Endings, TellTheSignalOfADeath) {
  const auto started = create(spec("killed"));
  ASSERT_TRUE(started) << started.error().what;
  ASSERT_EQ(kill(started->pid, SIGKILL), 0);
  EXPECT_EQ(end_of(spec("killed").name).signal, SIGKILL);
}

TEST_F(Endings, TellADeathByTheKernelsHand) {
  ASSERT_TRUE(create(spec("trapped", {"/bin/probe", "raise"})));
  EXPECT_EQ(end_of(spec("trapped").name).signal, SIGILL);
}

TEST_F(Endings, HaveNotComeForARunningContainer) {
  ASSERT_TRUE(create(spec("runs")));
  const auto status = exit_status(spec("runs").name);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().kind, FaultKind::kFailed) << status.error().what;
}

TEST_F(Endings, AreNotFoundOfAnAbsentContainer) {
  const auto status = exit_status(std::string(kPrefix) + "nobody");
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().kind, FaultKind::kNotFound) << status.error().what;
}

TEST_F(Endings, AreHintedAt) {
  ASSERT_TRUE(heard(runtime::Hint::Kind::kFound));
  EXPECT_EQ(hints.front().kind, runtime::Hint::Kind::kFound);
  // From when on hints come nobody can know: so, several endings.
  ASSERT_TRUE(until([&] {
    EXPECT_TRUE(create(spec("ends", {"/bin/probe", "exit", "0"})));
    end_of(spec("ends").name);
    return hints.back().kind == runtime::Hint::Kind::kChanged;
  }));
  EXPECT_EQ(hints.back().what, spec("ends").name);
}

TEST_F(Listing, IsEmptyWhereNothingIs) {
  const auto all = list();
  ASSERT_TRUE(all) << all.error().what;
  EXPECT_TRUE(all->empty());
}

TEST_F(Listing, TellsTheStateOfEach) {
  const auto runs = spec("runs");
  const auto ended = spec("ended", {"/bin/probe", "exit", "7"});
  const auto half = spec("half");
  const auto started = create(runs);
  ASSERT_TRUE(started);
  ASSERT_TRUE(create(ended));
  end_of(ended.name);
  world().create_foreign({half.name, half.labels});
  const auto all = list();
  ASSERT_TRUE(all) << all.error().what;
  ASSERT_EQ(all->size(), 3U);
  std::map<std::string, runtime::Container> named;
  for (const auto& one : *all) named[one.name] = one;
  EXPECT_EQ(named[runs.name].state, State::kRunning);
  EXPECT_EQ(named[runs.name].pid, started->pid);
  EXPECT_EQ(named[ended.name].state, State::kStopped);
  EXPECT_EQ(named[half.name].state, State::kIncomplete);
  EXPECT_EQ(named[half.name].pid, 0);
  EXPECT_EQ(named[half.name].labels.at("mayfly.worker"), "half");
}

TEST_F(Listing, NeverShowsWhatIsNotOurs) {
  const std::vector<Foreign> foreign = {
      {"somebody", {}},
      {"another", {{kLabel, "another"}}},
      {"mayfly-test-prefixed", {{kLabel, "another"}}},
      {"mayfly-test-bare", {}},
      {"alike", {{kLabel, "test2"}, {"mayfly.instance2", kOurs}}}};
  std::set<std::string> names;
  for (const auto& one : foreign) {
    one.name == "another" ? world().create_foreign(one) : world().run_foreign(one);
    names.insert(one.name);
  }
  ASSERT_TRUE(create(spec("ours")));
  const auto all = list();
  ASSERT_TRUE(all) << all.error().what;
  ASSERT_EQ(all->size(), 1U) << all->at(0).name << ", " << all->at(1).name;
  EXPECT_EQ(all->at(0).name, spec("ours").name);
  EXPECT_TRUE(remove(spec("ours").name));
  const auto left = world().names();
  EXPECT_EQ(std::set<std::string>(left.begin(), left.end()), names);
  for (const auto& one : foreign) world().remove_foreign(one.name);
}

TEST_F(Removal, TakesARunningContainerAndAllItsParts) {
  const auto started = create(spec("gone"));
  ASSERT_TRUE(started) << started.error().what;
  const auto removed = remove(spec("gone").name);
  ASSERT_TRUE(removed) << removed.error().what;
  EXPECT_EQ(kill(started->pid, 0), -1);
  EXPECT_FALSE(find(spec("gone").name));
  EXPECT_TRUE(world().names().empty());
  expect_nothing_left();
}

TEST_F(Removal, TakesOneThatHeedsNoSignal) {
  const auto deaf = spec("deaf", {"/bin/sh", "-c", "trap '' TERM INT; while :; do sleep 1; done"});
  ASSERT_TRUE(create(deaf));
  EXPECT_TRUE(remove(deaf.name));
  expect_nothing_left();
}

TEST_F(Removal, TakesAStoppedContainer) {
  ASSERT_TRUE(create(spec("ended", {"/bin/probe", "exit", "0"})));
  end_of(spec("ended").name);
  EXPECT_TRUE(remove(spec("ended").name));
  EXPECT_FALSE(find(spec("ended").name));
  expect_nothing_left();
}

TEST_F(Removal, TakesAHalfMadeContainer) {
  const auto half = spec("half");
  world().create_foreign({half.name, half.labels});
  EXPECT_TRUE(remove(half.name));
  EXPECT_FALSE(find(half.name));
  expect_nothing_left();
}

TEST_F(Removal, TakesTheVolumesThatTheImageDeclares) {
  auto keeping = spec("keeping");
  keeping.image = telling();
  ASSERT_TRUE(create(keeping));
  EXPECT_TRUE(remove(keeping.name));
  expect_nothing_left();
  // And of one that ended by itself.
  keeping.command = {"/bin/probe", "exit", "0"};
  ASSERT_TRUE(create(keeping));
  end_of(keeping.name);
  EXPECT_TRUE(remove(keeping.name));
  expect_nothing_left();
}

TEST_F(Removal, OfWhatIsNotThereIsDone) {
  EXPECT_TRUE(remove(std::string(kPrefix) + "never"));
  EXPECT_TRUE(remove(std::string(kPrefix) + "never"));
}

/// Either may find the other at work, and then say so.
TEST_F(Removal, TwiceAtOnceLeavesNothing) {
  for (int round = 0; round < 5; ++round) {
    ASSERT_TRUE(create(spec("twice")));
    int over = 0;
    for (int asker = 0; asker < 2; ++asker) {
      driver().remove(spec("twice").name, [&](const auto&) { ++over; });
    }
    ASSERT_TRUE(until([&] { return over == 2; }));
    EXPECT_TRUE(until([&] { return remove(spec("twice").name).has_value(); }));
    EXPECT_FALSE(find(spec("twice").name));
  }
  expect_nothing_left();
}

TEST_F(Removal, LeavesNothingAfterManyLives) {
  // As many as one run of the suite has time for: the engines take several times as long.
  const int cycles = world().traits().runtime == "containerd" ? 60 : 15;
  for (int cycle = 0; cycle < cycles; ++cycle) {
    const auto name = "life-" + std::to_string(cycle);
    const auto first = spec(name + "-a", {"/bin/probe", "exit", "0"});
    const auto second = spec(name + "-b");
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
      driver().remove(one.name, [&](const auto&) { ++removed; });
    }
    ASSERT_TRUE(until([&] { return removed == 2; }));
    // One that ends while it is removed may have failed to go: any fault means "ask again".
    for (const auto& one : {first, second}) {
      EXPECT_TRUE(until([&] { return remove(one.name).has_value(); }));
    }
  }
  const auto left = list();
  ASSERT_TRUE(left);
  EXPECT_TRUE(left->empty());
  expect_nothing_left();
}

}  // namespace
}  // namespace mayfly::conformance
