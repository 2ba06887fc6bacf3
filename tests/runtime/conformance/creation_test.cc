// Creating: all or nothing, again over a leftover, never over what is somebody else's.
#include <signal.h>

#include "tests/runtime/conformance/fixture.h"
#include "tests/support/traces.h"

namespace mayfly::conformance {
namespace {

using runtime::FaultKind;
using runtime::State;

class Creation : public Conformance {
 protected:
  void expect_refused_and_undone(const runtime::ContainerSpec& wrong, FaultKind kind) {
    const auto created = create(wrong);
    ASSERT_FALSE(created);
    EXPECT_EQ(created.error().kind, kind) << created.error().what;
    EXPECT_FALSE(created.error().what.empty());
    EXPECT_EQ(created.error().what.find('\n'), std::string::npos) << created.error().what;
    EXPECT_FALSE(find(wrong.name));
    expect_nothing_left();
  }
};

TEST_F(Creation, StartsAContainerThatRuns) {
  const auto one = spec("one");
  const auto started = create(one);
  ASSERT_TRUE(started) << started.error().what;
  EXPECT_EQ(kill(started->pid, 0), 0);
  EXPECT_EQ(daemon().container_processes(), std::vector<pid_t>{started->pid});
  const auto listed = find(one.name);
  ASSERT_TRUE(listed);
  EXPECT_EQ(listed->state, State::kRunning);
  EXPECT_EQ(listed->pid, started->pid);
  EXPECT_FALSE(listed->status);
  EXPECT_EQ(listed->cgroup, started->cgroup);
  EXPECT_NE(support::slurp("/proc/" + std::to_string(started->pid) + "/cgroup")
                .find(":" + started->cgroup + "\n"),
            std::string::npos)
      << started->cgroup;
  for (const auto& [label, value] : one.labels) EXPECT_EQ(listed->labels.at(label), value);
}

TEST_F(Creation, KeepsEveryLabelAsItIs) {
  auto labelled = spec("labelled");
  labelled.labels["mayfly.hash"] = R"(sha256:"0" = \ {'x'}, ü)";
  ASSERT_TRUE(create(labelled));
  const auto listed = find(labelled.name);
  ASSERT_TRUE(listed);
  for (const auto& [label, value] : labelled.labels) {
    ASSERT_TRUE(listed->labels.contains(label)) << label;
    EXPECT_EQ(listed->labels.at(label), value);
  }
}

TEST_F(Creation, MarksAsOursWhatTheSpecDoesNot) {
  auto bare = spec("bare");
  bare.labels.clear();
  ASSERT_TRUE(create(bare));
  ASSERT_TRUE(find(bare.name));
  EXPECT_EQ(find(bare.name)->labels.at(kLabel), kOurs);
}

TEST_F(Creation, OfManyAtOnceStartsEach) {
  const int many = 8;
  int started = 0;
  for (int number = 0; number < many; ++number) {
    driver().create(spec("many-" + std::to_string(number)), [&](const auto& result) {
      EXPECT_TRUE(result) << result.error().what;
      ++started;
    });
  }
  ASSERT_TRUE(until([&] { return started == many; }));
  EXPECT_EQ(daemon().container_processes().size(), static_cast<std::size_t>(many));
}

TEST_F(Creation, IsUndoneWhereTheProgramIsNotThere) {
  const auto missing = spec("missing", {"/no/such/program"});
  const auto created = create(missing);
  ASSERT_FALSE(created);
  EXPECT_NE(created.error().kind, FaultKind::kUnknown) << created.error().what;
  EXPECT_NE(created.error().what.find("no such file"), std::string::npos) << created.error().what;
  EXPECT_EQ(created.error().what.find('\n'), std::string::npos);
  EXPECT_FALSE(find(missing.name));
  expect_nothing_left();
}

TEST_F(Creation, IsUndoneWhereAMountIsNotThere) {
  auto lost = spec("lost");
  lost.mounts = {{daemon().directory() + "/no/such/folder", "/in", true}};
  const auto created = create(lost);
  ASSERT_FALSE(created);
  EXPECT_NE(created.error().kind, FaultKind::kUnknown) << created.error().what;
  EXPECT_FALSE(find(lost.name));
  expect_nothing_left();
}

TEST_F(Creation, IsUndoneWhereTheDirectoryIsAFile) {
  auto lost = spec("lost");
  lost.working_directory = "/bin/busybox";
  const auto created = create(lost);
  ASSERT_FALSE(created);
  EXPECT_NE(created.error().kind, FaultKind::kUnknown) << created.error().what;
  EXPECT_FALSE(find(lost.name));
  expect_nothing_left();
}

TEST_F(Creation, RefusesAUserThatTheImageDoesNotHave) {
  auto nobody = spec("nobody");
  nobody.user = "nobody-of-that-name";
  expect_refused_and_undone(nobody, FaultKind::kRefused);
}

TEST_F(Creation, RefusesANetworkThatIsNotThere) {
  auto lost = spec("lost");
  lost.network = {runtime::Network::Kind::kNamed, "no-such-network"};
  expect_refused_and_undone(lost, FaultKind::kRefused);
}

TEST_F(Creation, RefusesPathsThatAreNotAbsolute) {
  auto crooked = spec("crooked");
  crooked.mounts = {{"relative", "/in", true}};
  expect_refused_and_undone(crooked, FaultKind::kRefused);
  crooked.mounts = {{out(), "relative", true}};
  expect_refused_and_undone(crooked, FaultKind::kRefused);
  crooked = spec("crooked");
  crooked.working_directory = "relative";
  expect_refused_and_undone(crooked, FaultKind::kRefused);
}

TEST_F(Creation, RefusesToStartWhereNobodyNamesACommand) {
  auto mute = spec("mute", {});
  mute.image = scratch();
  expect_refused_and_undone(mute, FaultKind::kRefused);
}

TEST_F(Creation, FindsNoImageThatIsNotThere) {
  auto lost = spec("lost");
  lost.image = "sha256:" + std::string(64, '0');
  lost.image_name = "mayfly.test/missing:1";
  expect_refused_and_undone(lost, FaultKind::kNotFound);
}

TEST_F(Creation, RefusesNamesThatAreNotOurs) {
  for (const auto* name : {"somebody-else", "mayfly-test-a/b", "mayfly-test-../x", ""}) {
    auto foreign = spec("x");
    foreign.name = name;
    const auto created = create(foreign);
    ASSERT_FALSE(created) << name;
    EXPECT_EQ(created.error().kind, FaultKind::kRefused) << created.error().what;
    const auto removed = remove(name);
    ASSERT_FALSE(removed) << name;
    EXPECT_EQ(removed.error().kind, FaultKind::kRefused) << removed.error().what;
  }
}

TEST_F(Creation, ReplacesARunningLeftoverOfTheSameName) {
  const auto first = create(spec("twice"));
  ASSERT_TRUE(first) << first.error().what;
  const auto second = create(spec("twice"));
  ASSERT_TRUE(second) << second.error().what;
  EXPECT_NE(first->pid, second->pid);
  EXPECT_EQ(kill(first->pid, 0), -1);
  EXPECT_EQ(daemon().container_processes(), std::vector<pid_t>{second->pid});
}

TEST_F(Creation, ReplacesAStoppedLeftoverOfTheSameName) {
  ASSERT_TRUE(create(spec("twice", {"/bin/probe", "exit", "3"})));
  EXPECT_EQ(end_of(spec("twice").name).code, 3);
  const auto second = create(spec("twice"));
  ASSERT_TRUE(second) << second.error().what;
  EXPECT_EQ(find(spec("twice").name)->pid, second->pid);
}

TEST_F(Creation, ReplacesAHalfMadeLeftoverOfTheSameName) {
  const auto one = spec("twice");
  world().create_foreign({one.name, one.labels});
  EXPECT_EQ(find(one.name)->state, State::kIncomplete);
  const auto second = create(one);
  ASSERT_TRUE(second) << second.error().what;
  EXPECT_EQ(find(one.name)->pid, second->pid);
}

TEST_F(Creation, RefusesANameThatSomebodyElsesContainerHas) {
  const auto one = spec("theirs");
  const std::vector<std::map<std::string, std::string>> foreign = {
      {}, {{kLabel, "another"}}, {{"other.label", kOurs}}};
  for (const auto& labels : foreign) {
    world().run_foreign({one.name, labels});
    const auto processes = daemon().container_processes();
    EXPECT_EQ(processes.size(), 1U);
    const auto created = create(one);
    ASSERT_FALSE(created);
    EXPECT_EQ(created.error().kind, FaultKind::kRefused) << created.error().what;
    const auto removed = remove(one.name);
    ASSERT_FALSE(removed);
    EXPECT_EQ(removed.error().kind, FaultKind::kRefused) << removed.error().what;
    EXPECT_FALSE(find(one.name));
    EXPECT_TRUE(world().is_running(one.name));
    EXPECT_EQ(daemon().container_processes(), processes);
    world().remove_foreign(one.name);
  }
}

TEST_F(Creation, LeavesTheContainersOfAnotherInstanceAlone) {
  auto others = options();
  others.owned = {kLabel, "other", "mayfly-other-"};
  const auto other = connected_driver(others);
  auto theirs = spec("x");
  theirs.name = "mayfly-other-x";
  theirs.labels[kLabel] = "other";
  const auto started =
      answer<runtime::Started>([&](auto done) { other->create(theirs, std::move(done)); });
  ASSERT_TRUE(started) << started.error().what;
  EXPECT_FALSE(find(theirs.name));
  EXPECT_FALSE(remove(theirs.name));
  EXPECT_EQ(kill(started->pid, 0), 0);
  EXPECT_TRUE(
      answer<std::monostate>([&](auto done) { other->remove(theirs.name, std::move(done)); }));
}

}  // namespace
}  // namespace mayfly::conformance
