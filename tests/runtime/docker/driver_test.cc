// The driver against an Engine that answers as no real one can be made to.
#include "tests/runtime/docker/driver_fixture.h"

namespace mayfly::docker {
namespace {

using namespace std::chrono_literals;

std::string container(const std::string& state, const std::string& owner = "me") {
  return R"({"Id":")" + kId + R"(","Name":"/mayfly-a","Config":{"Labels":{"mayfly.instance":")" +
         owner + R"("}},"State":)" + state + "}";
}
const std::string kRunning = R"({"Status":"running","Pid":42})";

TEST_F(DockerDriver, CreatesInThreeCalls) {
  serve([](Peer& peer, const Asked&, const std::string& target) {
    if (target.starts_with("/images/")) return peer.answer(200, kImage);
    if (target == "/containers/create?name=mayfly-a") {
      return peer.answer(201, R"({"Id":")" + kId + "\"}");
    }
    if (target == "/containers/" + kId + "/start") return peer.answer(204, "");
    if (target == "/containers/" + kId + "/json") return peer.answer(200, container(kRunning));
    peer.answer(404, "{}");
  });
  const auto started = create();
  ASSERT_TRUE(started) << started.error().what;
  EXPECT_EQ(started->pid, 42);
  EXPECT_EQ(started->cgroup, "/mayfly/" + kId);
  const auto before = engine->server.asked.size();
  ASSERT_TRUE(create());
  EXPECT_EQ(engine->server.asked.size(), before + 3);
}

TEST_F(DockerDriver, TouchesNoContainerOfOursByNameOnly) {
  serve([](Peer& peer, const Asked& asked, const std::string& target) {
    if (target.starts_with("/images/")) return peer.answer(200, kImage);
    if (asked.method == "POST") return peer.answer(409, R"({"message":"Conflict"})");
    peer.answer(200, container(kRunning, "somebody"));
  });
  const auto created = create();
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().kind, FaultKind::kRefused) << created.error().what;
  const auto removed = remove();
  ASSERT_FALSE(removed);
  EXPECT_EQ(removed.error().kind, FaultKind::kRefused) << removed.error().what;
  const auto status = exit_status();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().kind, FaultKind::kNotFound) << status.error().what;
  EXPECT_EQ(engine->count("DELETE", ""), 0);
}

TEST_F(DockerDriver, TakesTheBeginningOfAnIdForNoName) {
  serve([](Peer& peer, const Asked& asked, const std::string&) {
    if (asked.method == "DELETE") return peer.answer(204, "");
    peer.answer(200, container(kRunning));
  });
  EXPECT_TRUE(remove("mayfly-11"));
  EXPECT_EQ(engine->count("DELETE", ""), 0);
}

TEST_F(DockerDriver, UndoesWhatDoesNotStart) {
  serve([](Peer& peer, const Asked& asked, const std::string& target) {
    if (target.starts_with("/images/")) return peer.answer(200, kImage);
    if (target.starts_with("/containers/create")) {
      return peer.answer(201, R"({"Id":")" + kId + "\"}");
    }
    if (asked.method == "DELETE") return peer.answer(204, "");
    peer.answer(404, R"({"message":"network nope not found"})");
  });
  const auto created = create();
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().kind, FaultKind::kRefused);
  EXPECT_EQ(engine->count("DELETE", "/containers/" + kId + "?v=1&force=1"), 1);
}

TEST_F(DockerDriver, LeavesWhatMayHaveHappenedToTheNextList) {
  serve([](Peer& peer, const Asked&, const std::string& target) {
    if (target.starts_with("/images/")) return peer.answer(200, kImage);
    peer.close();
  });
  const auto created = create();
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().kind, FaultKind::kUnknown) << created.error().what;
  EXPECT_EQ(engine->count("POST", "/containers/create"), 1);
  EXPECT_EQ(engine->count("DELETE", ""), 0);
}

TEST_F(DockerDriver, AsksForAPidOnce) {
  serve([](Peer& peer, const Asked&, const std::string& target) {
    if (target.starts_with("/containers/json")) {
      return peer.answer(200, R"([{"Id":")" + kId +
                                  R"(","Names":["/mayfly-a"],"State":"running",)"
                                  R"("Labels":{"mayfly.instance":"me"}},)"
                                  R"({"Id":"2","Names":["/x"],"Labels":{},"State":"running"}])");
    }
    peer.answer(200, container(kRunning));
  });
  for (int time = 0; time < 2; ++time) {
    const auto listed = list();
    ASSERT_TRUE(listed) << listed.error().what;
    ASSERT_EQ(listed->size(), 1U);
    EXPECT_EQ(listed->at(0).pid, 42);
    EXPECT_EQ(listed->at(0).cgroup, "/mayfly/" + kId);
  }
  EXPECT_EQ(engine->count("GET", "/containers/" + kId + "/json"), 1);
}

TEST_F(DockerDriver, TakesPodmansOwnListAndItsPids) {
  serve([](Peer& peer, const Asked&, const std::string& target) {
    if (target.starts_with("/libpod/containers/json?all=1&filters=")) {
      return peer.answer(200, R"([{"Id":")" + kId +
                                  R"(","Names":["mayfly-a"],"State":"running","Pid":42,)"
                                  R"("Exited":false,"Labels":{"mayfly.instance":"me"}}])");
    }
    peer.answer(500, R"({"message":"reading information about layer: layer not known"})");
  });
  engine->is_podman = true;
  const auto listed = list();
  ASSERT_TRUE(listed) << listed.error().what;
  ASSERT_EQ(listed->size(), 1U);
  EXPECT_EQ(listed->at(0).pid, 42);
  EXPECT_EQ(engine->count("GET", "/containers/" + kId + "/json"), 0);
}

TEST_F(DockerDriver, RemovesWhatWasListedWithoutInspectingIt) {
  int tries = 0;
  serve([&](Peer& peer, const Asked& asked, const std::string& target) {
    if (target.starts_with("/libpod/")) {
      return peer.answer(200, R"([{"Id":")" + kId +
                                  R"(","Names":["mayfly-a"],"State":"removing","Exited":true,)"
                                  R"("Labels":{"mayfly.instance":"me"}}])");
    }
    tries += asked.method == "DELETE" ? 1 : 0;
    if (tries > 1) return peer.answer(404, "{}");
    peer.answer(500, R"({"message":"unmounting container: layer not known"})");
  });
  engine->is_podman = true;
  ASSERT_TRUE(list());
  const auto removed = remove();
  EXPECT_TRUE(removed) << removed.error().what;
}

TEST_F(DockerDriver, WaitsForARemovalThatIsUnderWay) {
  bool gone = false;
  serve([&](Peer& peer, const Asked& asked, const std::string& target) {
    if (asked.method == "DELETE") return peer.answer(409, R"({"message":"in progress"})");
    if (target.ends_with("/wait?condition=removed")) {
      gone = true;
      return peer.answer(200, "{}");
    }
    gone ? peer.answer(404, "{}") : peer.answer(200, container(kRunning));
  });
  EXPECT_TRUE(remove());
  EXPECT_TRUE(gone);
}

TEST_F(DockerDriver, SaysThatAnEndThatNobodySawIsNotKnown) {
  serve([](Peer& peer, const Asked&, const std::string&) {
    peer.answer(200, container(R"({"Status":"exited","ExitCode":0,)"
                               R"("FinishedAt":"0001-01-01T00:00:00Z"})"));
  });
  const auto status = exit_status();
  ASSERT_TRUE(status) << status.error().what;
  EXPECT_FALSE(*status);
}

TEST_F(DockerDriver, AnswersUnknownToNonsense) {
  deadline = 500ms;
  serve([](Peer& peer, const Asked&, const std::string&) { peer.answer(200, "<html>"); });
  for (const auto& fault :
       {create().error(), remove().error(), list().error(), exit_status().error()}) {
    EXPECT_EQ(fault.kind, FaultKind::kUnknown) << fault.what;
    EXPECT_EQ(fault.what.find('<'), std::string::npos) << fault.what;
  }
}

TEST_F(DockerDriver, WaitsForAServerThatComesLater) {
  serve([](Peer& peer, const Asked&, const std::string&) { peer.answer(200, "[]"); });
  engine->server.stop();
  std::optional<bool> listed;
  driver->list([&](const auto& containers) { listed = containers.has_value(); });
  ASSERT_TRUE(heard(Hint::Kind::kLost));
  EXPECT_FALSE(listed);
  engine->server.start();
  ASSERT_TRUE(until([&] { return listed.has_value(); }));
  EXPECT_TRUE(*listed);
  EXPECT_TRUE(heard(Hint::Kind::kFound));
}

TEST_F(DockerDriver, SaysThatNothingWasDoneWithoutAServer) {
  deadline = 200ms;
  serve([](Peer&, const Asked&, const std::string&) {});
  engine->server.stop();
  const auto removed = remove();
  ASSERT_FALSE(removed);
  EXPECT_EQ(removed.error().kind, FaultKind::kFailed);
  EXPECT_NE(removed.error().what.find("no connection"), std::string::npos) << removed.error().what;
}

TEST_F(DockerDriver, RefusesAServerThatIsTooOldAndSaysWhy) {
  serve([](Peer&, const Asked&, const std::string&) {});
  engine->api = "1.24";
  ASSERT_TRUE(heard(Hint::Kind::kLost));
  EXPECT_NE(hints.front().what.find("1.40"), std::string::npos) << hints.front().what;
}

TEST_F(DockerDriver, RefusesAServerThatIsTooNewAndSaysWhatItSaid) {
  serve([](Peer&, const Asked&, const std::string&) {});
  engine->api = "1.60";
  engine->prefix = "/v1.44";
  engine->info_status = 400;
  engine->info = R"({"message":"client version 1.44 is too old"})";
  ASSERT_TRUE(heard(Hint::Kind::kLost));
  EXPECT_NE(hints.front().what.find("1.44 is too old"), std::string::npos) << hints.front().what;
}

TEST_F(DockerDriver, SpeaksTheVersionThatBothKnow) {
  serve([](Peer& peer, const Asked&, const std::string&) { peer.answer(200, "[]"); });
  engine->api = "1.51";
  engine->prefix = "/v1.44";
  ASSERT_TRUE(list());
  EXPECT_EQ(engine->count("GET", "/v1.44/containers/json"), 1);
}

TEST_F(DockerDriver, HintsAtWhatEventsTell) {
  serve([](Peer&, const Asked&, const std::string&) {});
  ASSERT_TRUE(until([&] { return engine->events != nullptr; }));
  const std::string lines =
      R"({"Action":"die","Actor":{"ID":"1","Attributes":{"name":"somebody-else"}}})"
      "\n"
      R"({"Action":"die","Actor":{"ID":"1","Attributes":{"name":"mayfly-a"}}})"
      "\n";
  char size[16];
  std::snprintf(size, sizeof size, "%zx\r\n", lines.size());
  engine->events->send(size + lines + "\r\n");
  ASSERT_TRUE(heard(Hint::Kind::kChanged));
  EXPECT_EQ(hints.back().what, "mayfly-a");
}

TEST_F(DockerDriver, SaysThatAServerIsLostAndFoundAgain) {
  serve([](Peer&, const Asked&, const std::string&) {});
  ASSERT_TRUE(until([&] { return engine->events != nullptr; }));
  hints.clear();
  engine->server.stop();
  ASSERT_TRUE(heard(Hint::Kind::kLost));
  EXPECT_TRUE(hints.back().what.starts_with("docker: ")) << hints.back().what;
  engine->events = nullptr;
  engine->server.start();
  ASSERT_TRUE(heard(Hint::Kind::kFound));
  EXPECT_TRUE(until([&] { return engine->events != nullptr; }));
}

TEST_F(DockerDriver, WarnsOfLiveRestoreThatIsOff) {
  serve([](Peer&, const Asked&, const std::string&) {});
  const auto about = [&] {
    return *answer<runtime::About>([&](auto done) { driver->about(done); });
  };
  EXPECT_TRUE(about().warnings.empty());
  EXPECT_EQ(about().storage, "/var/lib/docker");
  engine->info = R"({"LiveRestoreEnabled":false})";
  ASSERT_EQ(about().warnings.size(), 1U);
  EXPECT_NE(about().warnings[0].fix.find("daemon.json"), std::string::npos);
}

/// A pull's answer: these lines after a status of 200.
void say_lines(Peer& peer, const std::string& lines) {
  peer.answer(200, lines);
}

TEST_F(DockerDriver, SharesOnePullAmongItsAskers) {
  bool pulled = false;
  Peer* waiting = nullptr;
  serve([&](Peer& peer, const Asked& asked, const std::string& target) {
    if (asked.method == "POST" && target.starts_with("/images/create")) {
      waiting = &peer;
      return;
    }
    pulled ? peer.answer(200, kImage) : peer.answer(404, "{}");
  });
  int done = 0;
  for (int asker = 0; asker < 3; ++asker) {
    driver->prepare_image({"host.example/a:1", kDigest, {}}, [&](const auto& image) {
      EXPECT_TRUE(image) << image.error().what;
      ++done;
    });
  }
  ASSERT_TRUE(until([&] { return waiting != nullptr; }));
  ASSERT_EQ(driver->pulls().size(), 1U);
  EXPECT_EQ(driver->pulls()[0].digest, kDigest);
  pulled = true;
  say_lines(*waiting, R"({"status":"Pull complete","id":"x"})"
                      "\n");
  ASSERT_TRUE(until([&] { return done == 3; }));
  EXPECT_EQ(engine->count("POST", "/images/create"), 1);
  EXPECT_TRUE(driver->pulls().empty());
}

TEST_F(DockerDriver, KnowsAFailedPullByItsLastLine) {
  serve([](Peer& peer, const Asked& asked, const std::string&) {
    if (asked.method != "POST") return peer.answer(404, "{}");
    say_lines(peer, R"({"error":"x","errorDetail":{"message":"unauthorized: go away"}})"
                    "\n");
  });
  const auto image = prepare("host.example/a:1");
  ASSERT_FALSE(image);
  EXPECT_EQ(image.error().kind, FaultKind::kRefused);
  EXPECT_NE(image.error().what.find("go away"), std::string::npos);
}

TEST_F(DockerDriver, PullsAgainAfterAFaultThatMayPassAndAfterSilence) {
  int tries = 0;
  serve([&](Peer& peer, const Asked& asked, const std::string& target) {
    if (target.starts_with("/images/create")) {
      ++tries;
      if (tries == 1) return peer.answer(500, R"({"message":"unexpected EOF"})");
      if (tries == 2) return;  // and says nothing
      return say_lines(peer, "");
    }
    if (asked.method == "POST") return peer.answer(201, "");
    tries >= 3 ? peer.answer(200, kImage) : peer.answer(404, "{}");
  });
  std::string waited_for;
  const auto image = answer<runtime::Image>([&](auto done) {
    driver->prepare_image({"host.example/a:1", kDigest, {}}, done);
    EXPECT_TRUE(
        until([&] { return !driver->pulls().empty() && !driver->pulls()[0].waiting_for.empty(); }));
    waited_for = driver->pulls()[0].waiting_for;
  });
  ASSERT_TRUE(image) << image.error().what;
  EXPECT_EQ(image->digest, kDigest);
  EXPECT_NE(waited_for.find("unexpected EOF"), std::string::npos);
  EXPECT_EQ(tries, 3);
}

TEST_F(DockerDriver, IsDestroyedInTheMiddleOfEverything) {
  serve([](Peer& peer, const Asked& asked, const std::string& target) {
    if (target.starts_with("/images/create")) return;
    asked.method == "GET" ? peer.answer(404, "{}") : peer.answer(500, "{}");
  });
  for (int turns = 0; turns < 40; ++turns) {
    use();
    runtime::ContainerSpec spec;
    spec.name = "mayfly-a";
    spec.image = kDigest;
    driver->create(spec, [](const auto&) {});
    driver->remove("mayfly-a", [](const auto&) {});
    driver->list([](const auto&) {});
    driver->exit_status("mayfly-a", [](const auto&) {});
    driver->prepare_image({"host.example/a:1", kDigest, {}}, [](const auto&) {});
    driver->import_image("/proc/self/exe", {}, [](const auto&) {});
    for (int turn = 0; turn < turns; ++turn) loop.run_one_for(2ms);
  }
  driver.reset();
  loop.run_for(10ms);
}

}  // namespace
}  // namespace mayfly::docker
