#include "runtime/docker/answers.h"

#include <gtest/gtest.h>

#include "runtime/docker/events.h"
#include "runtime/docker/facts.h"
#include "runtime/docker/translate.h"

namespace mayfly::docker {
namespace {

using runtime::FaultKind;
using runtime::State;

constexpr const char* kHostile[] = {
    "",           "null",
    "[]",         "{}",
    "\"x\"",      "[[[[",
    "{\"Id\":7}", "{\"Id\":\"x\",\"State\":[]}",
    "\xff\xfe",   "{\"Id\":\"x\",\"Name\":\"/n\",\"State\":\"running\"}",
};

std::string inspected(const std::string& state) {
  return R"({"Id":"1f","Name":"/mayfly-a","Config":{"Labels":{"k":"v","n":7}},"State":)" + state +
         "}";
}

TEST(DockerAnswers, TellARunningContainer) {
  const auto container = read_container(inspected(R"({"Status":"running","Pid":42,"ExitCode":0})"));
  ASSERT_TRUE(container);
  EXPECT_EQ(container->id, "1f");
  EXPECT_EQ(container->name, "mayfly-a");
  EXPECT_EQ(container->labels, (Labels{{"k", "v"}}));
  EXPECT_EQ(container->state, State::kRunning);
  EXPECT_EQ(container->pid, 42);
  EXPECT_FALSE(container->status);
}

TEST(DockerAnswers, TellHowAContainerEnded) {
  const auto ended = [](const std::string& code) {
    return read_container(inspected(R"({"Status":"exited","FinishedAt":"2026-01-02T03:04:05Z",)"
                                    R"("ExitCode":)" +
                                    code + "}"))
        ->status;
  };
  EXPECT_EQ(ended("7")->code, 7);
  EXPECT_EQ(ended("7")->signal, 0);
  EXPECT_EQ(ended("137")->signal, 9);
  EXPECT_EQ(ended("255")->signal, 0);
  EXPECT_FALSE(ended("\"7\""));
}

TEST(DockerAnswers, DoNotTakeTheZeroOfAnUnseenEndForSuccess) {
  const auto lost = read_container(
      inspected(R"({"Status":"exited","ExitCode":0,"FinishedAt":"0001-01-01T00:00:00Z"})"));
  ASSERT_TRUE(lost);
  EXPECT_EQ(lost->state, State::kStopped);
  EXPECT_FALSE(lost->status);
  const auto listed =
      read_containers(R"([{"Id":"1","Names":["/a"],"State":"exited","Status":""}])");
  ASSERT_TRUE(listed);
  EXPECT_FALSE(listed->at(0).status);
}

TEST(DockerAnswers, TellWhatIsListed) {
  const auto listed = read_containers(
      R"([{"Id":"1","Names":["/a"],"Labels":{"k":"v"},"State":"exited",)"
      R"("Status":"Exited (137) 2 s"},)"
      R"({"Id":"2","Names":["/b"],"Labels":null,"State":"created","Status":"Created"}])");
  ASSERT_TRUE(listed);
  ASSERT_EQ(listed->size(), 2U);
  EXPECT_EQ(listed->at(0).name, "a");
  EXPECT_EQ(listed->at(0).status->signal, 9);
  EXPECT_EQ(listed->at(1).state, State::kIncomplete);
  EXPECT_TRUE(listed->at(1).labels.empty());
}

TEST(DockerAnswers, TellWhatPodmansOwnListSays) {
  const auto listed = read_containers(
      R"([{"Id":"1","Names":["a"],"Labels":{"k":"v"},"State":"running","Pid":42,"Exited":false},)"
      R"({"Id":"2","Names":["b"],"State":"exited","Exited":true,"ExitedAt":5,"ExitCode":137},)"
      R"({"Id":"3","Names":["c"],"State":"exited","Exited":true,"ExitedAt":-62135596800,)"
      R"("ExitCode":0},)"
      R"({"Id":"4","Names":["d"],"State":"stopped","Exited":true,"ExitedAt":5,"ExitCode":-1}])");
  ASSERT_TRUE(listed);
  ASSERT_EQ(listed->size(), 4U);
  EXPECT_EQ(listed->at(0).name, "a");
  EXPECT_EQ(listed->at(0).pid, 42);
  EXPECT_EQ(listed->at(1).status->signal, 9);
  EXPECT_FALSE(listed->at(2).status) << "it ended at no time";
  EXPECT_FALSE(listed->at(3).status) << "its code was not to be had";
}

TEST(DockerAnswers, ThatMakeNoSenseAreNone) {
  for (const auto* hostile : kHostile) {
    EXPECT_FALSE(read_container(hostile)) << hostile;
    EXPECT_FALSE(read_image(hostile)) << hostile;
    EXPECT_FALSE(read_ping({{"api-version", hostile}})) << hostile;
    EXPECT_FALSE(read_event(hostile)) << hostile;
    EXPECT_EQ(read_message(hostile).find('\n'), std::string::npos);
    if (std::string(hostile) == "[]") continue;  // an empty list
    EXPECT_FALSE(read_containers(hostile)) << hostile;
    EXPECT_FALSE(read_images(hostile)) << hostile;
  }
  EXPECT_FALSE(read_containers(R"([{"Id":"1","Names":[]}])"));
}

TEST(DockerAnswers, AreReadInOneLine) {
  EXPECT_EQ(read_message(R"({"message":"two\nlines\t"})"), "two lines");
  EXPECT_EQ(read_message("no JSON\r\n"), "no JSON");
  EXPECT_LE(one_line(std::string(1 << 20, 'x')).size(), 1'000U);
  EXPECT_EQ(one_line(std::string(999, 'x') + "ä").size(), 999U);
  EXPECT_EQ(read_message("\xff\xfe!"),
            "?"
            "?!");
}

TEST(DockerStates, AreRunningWhereTheyAreNotKnown) {
  EXPECT_EQ(state_of("created"), State::kIncomplete);
  EXPECT_EQ(state_of("running"), State::kRunning);
  EXPECT_EQ(state_of("paused"), State::kRunning);
  EXPECT_EQ(state_of("exited"), State::kStopped);
  EXPECT_EQ(state_of("dead"), State::kStopped);
  EXPECT_EQ(state_of("removing"), State::kStopped);
  EXPECT_EQ(state_of("something new"), State::kRunning);
}

FaultKind kind(int status, const std::string& message) {
  return fault_of(http::Answer{status, {}, R"({"message":")" + message + "\"}"}, {"docker", "x"})
      .kind;
}

TEST(DockerFaults, FollowTheAnswer) {
  EXPECT_EQ(kind(404, "No such container"), FaultKind::kNotFound);
  EXPECT_EQ(kind(400, "invalid mount config"), FaultKind::kRefused);
  EXPECT_EQ(kind(409, "conflict"), FaultKind::kFailed);
  EXPECT_EQ(kind(500, "no space left on device"), FaultKind::kFailed);
  EXPECT_EQ(kind(500, "unable to find user x: no matching entries in passwd file"),
            FaultKind::kRefused);
  EXPECT_EQ(kind(500, "OCI runtime attempted to invoke a command that was not found"),
            FaultKind::kRefused);
}

TEST(DockerFaults, AreUnknownWhereTheDaemonDoesNotKnow) {
  EXPECT_EQ(kind(500, "context deadline exceeded: unknown"), FaultKind::kUnknown);
  EXPECT_EQ(kind(503, "starting"), FaultKind::kUnknown);
  EXPECT_EQ(kind(302, "elsewhere"), FaultKind::kUnknown);
  EXPECT_EQ(kind(200, ""), FaultKind::kUnknown);
}

TEST(DockerFaults, TellWhatWasNotSentFromWhatIsNotKnown) {
  using Kind = http::Failure::Kind;
  const auto not_sent = fault_of(http::Failure{Kind::kNotSent, "refused"}, {"docker", "start it"});
  EXPECT_EQ(not_sent.kind, FaultKind::kFailed);
  EXPECT_EQ(not_sent.what, "docker, start it: refused");
  EXPECT_EQ(fault_of(http::Failure{Kind::kNoAnswer, "late"}, {"docker", "x"}).kind,
            FaultKind::kUnknown);
}

TEST(DockerFaults, KnowANameThatIsTakenFromBothDaemons) {
  EXPECT_TRUE(is_name_taken({409, {}, R"({"message":"Conflict. The container name is in use"})"}));
  EXPECT_TRUE(is_name_taken({500, {}, R"({"message":"that name is already in use"})"}));
  EXPECT_FALSE(is_name_taken({500, {}, R"({"message":"no space left"})"}));
}

TEST(DockerFacts, TellDockerFromPodman) {
  const auto docker = read_ping({{"server", "Docker/20.10.24 (linux)"}, {"api-version", "1.41"}});
  ASSERT_TRUE(docker) << docker.error();
  EXPECT_STREQ(docker->name(), "docker");
  EXPECT_EQ(docker->api, "1.41");
  const auto podman = read_ping({{"api-version", "1.41"}, {"libpod-api-version", "4.3.1"}});
  ASSERT_TRUE(podman) << podman.error();
  EXPECT_STREQ(podman->name(), "podman");
}

TEST(DockerFacts, AgreeOnAVersionThatBothSpeak) {
  EXPECT_EQ(read_ping({{"api-version", "1.52"}})->api, "1.44");
  EXPECT_EQ(read_ping({{"api-version", "1.40"}})->api, "1.40");
  const auto old = read_ping({{"api-version", "1.39"}});
  ASSERT_FALSE(old);
  EXPECT_NE(old.error().find("1.40"), std::string::npos);
  EXPECT_FALSE(read_ping({{"api-version", "x.y"}}));
  EXPECT_FALSE(read_ping({{"api-version", "1."}}));
  EXPECT_FALSE(read_ping({}));
}

TEST(DockerFacts, TakeTheRestFromWhatTheServerTellsOfItself) {
  Facts facts;
  ASSERT_TRUE(
      read_info(R"({"ServerVersion":"4.3.1","DockerRootDir":"/s","LiveRestoreEnabled":true,)"
                R"("CgroupDriver":"systemd"})",
                facts));
  EXPECT_EQ(facts.version, "4.3.1");
  EXPECT_EQ(facts.storage, "/s");
  EXPECT_TRUE(facts.live_restore);
  EXPECT_TRUE(facts.systemd_cgroups);
  EXPECT_FALSE(read_info("[]", facts));
}

TEST(DockerFacts, NameTheCgroupAsTheDaemonDoes) {
  Facts facts;
  EXPECT_EQ(cgroup_parent("/mayfly", facts), "/mayfly");
  EXPECT_EQ(cgroup_of("/mayfly", "1f", facts), "/mayfly/1f");
  facts.systemd_cgroups = true;
  EXPECT_EQ(cgroup_parent("/mayfly", facts), "mayfly.slice");
  EXPECT_EQ(cgroup_parent("/a/b", facts), "a-b.slice");
  EXPECT_EQ(cgroup_parent("mayfly.slice", facts), "mayfly.slice");
  EXPECT_EQ(cgroup_of("mayfly.slice", "1f", facts), "/mayfly.slice/docker-1f.scope");
  EXPECT_EQ(cgroup_of("a-b.slice", "1f", facts), "/a.slice/a-b.slice/docker-1f.scope");
  facts.is_podman = true;
  EXPECT_EQ(cgroup_of("mayfly.slice", "1f", facts), "/mayfly.slice/libpod-1f.scope");
  for (const auto* wrong : {"", "/", "/a b", "/a-", "/a//b", "/ä"}) {
    EXPECT_FALSE(cgroup_parent(wrong, facts)) << wrong;
  }
}

TEST(DockerEvents, AreReadLineByLineHoweverTheyCome) {
  std::vector<std::string> got;
  Lines lines(8);
  const auto each = [&](std::string_view line) { got.emplace_back(line); };
  for (const auto* piece : {"on", "e\ntw", "o\n\nthr", "ee\n", "too long for it", " still\nok\n"}) {
    lines.take(piece, each);
  }
  EXPECT_EQ(got, (std::vector<std::string>{"one", "two", "three", "ok"}));
}

TEST(DockerEvents, NameTheContainer) {
  const auto event = read_event(
      R"({"Action":"die","Actor":{"ID":"1f","Attributes":{"name":"mayfly-a","exitCode":"7"}}})");
  ASSERT_TRUE(event);
  EXPECT_EQ(event->action, "die");
  EXPECT_EQ(event->name, "mayfly-a");
}

}  // namespace
}  // namespace mayfly::docker
