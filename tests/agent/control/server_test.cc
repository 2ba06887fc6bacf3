#include "agent/control/server.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "tests/agent/control/harness.h"

namespace mayfly::control {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

std::string error_code(const std::string& response) {
  return json::parse(body_of(response))["error"]["code"];
}

TEST(Server, AnswersSeveralRequestsOnOneConnection) {
  ServerUnderTest server;
  Peer peer(server.socket());
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(peer.send("GET /v1/status HTTP/1.1\r\nHost: m\r\n\r\n"));
    const std::string response = peer.read_response();
    EXPECT_EQ(status_of(response), 200);
    EXPECT_EQ(json::parse(body_of(response))["node"]["name"], "node-1");
  }
}

TEST(Server, GivesMetricsAsText) {
  ServerUnderTest server;
  const std::string response = get(server.socket(), "/metrics");
  EXPECT_EQ(status_of(response), 200);
  EXPECT_NE(response.find("Content-Type: text/plain; version=0.0.4"), std::string::npos);
}

TEST(Server, ClosesWhenThePeerAsksForIt) {
  ServerUnderTest server;
  Peer peer(server.socket());
  peer.send("GET /v1/version HTTP/1.1\r\nHost: m\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(status_of(peer.read_all()), 200);
}

TEST(Server, AnswersAPipelinedFloodOneByOne) {
  ServerUnderTest server;
  Peer peer(server.socket());
  std::string flood;
  for (int i = 0; i < 500; ++i) flood += "GET /v1/version HTTP/1.1\r\nHost: m\r\n\r\n";
  std::thread sender([&] {
    peer.send(flood);
    peer.end_sending();
  });
  const std::string all = peer.read_all();
  sender.join();
  std::size_t answers = 0;
  for (std::size_t at = all.find("HTTP/1.1 200"); at != std::string::npos;
       at = all.find("HTTP/1.1 200", at + 1)) {
    ++answers;
  }
  EXPECT_EQ(answers, 500U);
}

TEST(Server, RefusesAHugeHeader) {
  ServerUnderTest server;
  Peer peer(server.socket());
  peer.send("GET /v1/status HTTP/1.1\r\nX: " + std::string(100'000, 'a'));
  EXPECT_EQ(status_of(peer.read_all()), 431);
}

TEST(Server, RefusesALargeBodyBeforeItIsSent) {
  ServerUnderTest server;
  Peer peer(server.socket());
  peer.send("POST /v1/pools HTTP/1.1\r\nHost: m\r\nContent-Length: 1048577\r\n\r\n");
  const std::string response = peer.read_all();
  EXPECT_EQ(status_of(response), 413);
  EXPECT_EQ(error_code(response), "too_large");
}

TEST(Server, CutsAChunkedBodyAtItsCap) {
  ServerUnderTest server([](ServerOptions& options) { options.body_bytes_max = 1000; });
  Peer peer(server.socket());
  peer.send("POST /v1/pools HTTP/1.1\r\nHost: m\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n" +
            std::string(2000, 'x') + "\r\n0\r\n\r\n");
  EXPECT_EQ(status_of(peer.read_all()), 413);
}

TEST(Server, RefusesWhatIsNotHttp) {
  ServerUnderTest server;
  const std::string garbage[] = {
      "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n",
      "GET\r\n\r\n",
      "GET /v1/status HTTP/9.9\r\n\r\n",
      "GET /v1/status HTTP/1.1\r\nbad header\r\n\r\n",
      "POST /v1/pools HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
      "POST /v1/pools HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
      "POST /v1/pools HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
      "POST /v1/pools HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n"};
  for (const std::string& text : garbage) {
    Peer peer(server.socket());
    peer.send(text);
    const std::string response = peer.read_all();
    EXPECT_EQ(status_of(response), 400) << text << response;
  }
  server.on_loop([](FakeOperations& operations) { EXPECT_TRUE(operations.calls.empty()); });
}

TEST(Server, DoesNothingForATruncatedRequest) {
  ServerUnderTest server;
  Peer peer(server.socket());
  peer.send("POST /v1/reload HTTP/1.1\r\nHost: m\r\nContent-Length: 100\r\n\r\n{}");
  peer.end_sending();
  peer.read_all();
  server.on_loop([](FakeOperations& operations) { EXPECT_TRUE(operations.calls.empty()); });
}

TEST(Server, AsksForTheBodyOfAPeerThatWaitsForThat) {
  ServerUnderTest server;
  Peer peer(server.socket());
  peer.send(
      "POST /v1/reload HTTP/1.1\r\nHost: m\r\nExpect: 100-continue\r\n"
      "Content-Length: 2\r\n\r\n");
  EXPECT_EQ(status_of(peer.read_until("\r\n\r\n")), 100);
  peer.send("{}");
  EXPECT_EQ(status_of(peer.read_response()), 200);
}

TEST(Server, ClosesASlowHeader) {
  ServerUnderTest server([](ServerOptions& options) { options.request_timeout = 50ms; });
  Peer peer(server.socket());
  peer.send("GET /v1/sta");
  EXPECT_EQ(peer.read_all(), "");
}

TEST(Server, ClosesASlowBody) {
  ServerUnderTest server([](ServerOptions& options) { options.request_timeout = 50ms; });
  Peer peer(server.socket());
  peer.send("POST /v1/reload HTTP/1.1\r\nHost: m\r\nContent-Length: 100\r\n\r\n{");
  EXPECT_EQ(peer.read_all(), "");
  server.on_loop([](FakeOperations& operations) { EXPECT_TRUE(operations.calls.empty()); });
}

TEST(Server, ClosesAnIdleConnectionAndAPeerThatDoesNotRead) {
  ServerUnderTest server([](ServerOptions& options) {
    options.idle_timeout = 50ms;
    options.request_timeout = 50ms;
  });
  Peer idle(server.socket());
  EXPECT_EQ(idle.read_all(), "");
  server.on_loop([](FakeOperations& operations) { operations.add_pool("encode", 20'000); });
  Peer deaf(server.socket());
  for (int i = 0; i < 64; ++i) {
    // Its answers fill the socket's buffer; sending fails once the server has given up on it.
    if (!deaf.send("GET /v1/status HTTP/1.1\r\nHost: m\r\n\r\n")) break;
  }
  EXPECT_NO_THROW(deaf.read_all());
}

TEST(Server, TurnsAwayConnectionsAboveItsCap) {
  ServerUnderTest server([](ServerOptions& options) { options.connections_max = 2; });
  Peer first(server.socket());
  Peer second(server.socket());
  first.send("GET /v1/version HTTP/1.1\r\nHost: m\r\n\r\n");
  second.send("GET /v1/version HTTP/1.1\r\nHost: m\r\n\r\n");
  EXPECT_EQ(status_of(first.read_response()), 200);
  EXPECT_EQ(status_of(second.read_response()), 200);
  Peer third(server.socket());
  const std::string response = third.read_all();
  EXPECT_EQ(status_of(response), 503);
  EXPECT_EQ(error_code(response), "busy");
}

TEST(Server, LimitsFollowersSoThatOthersCanStillAsk) {
  ServerUnderTest server([](ServerOptions& options) { options.streams_max = 1; });
  server.on_loop([](FakeOperations& operations) { operations.add_event("encode", "released"); });
  Peer follower(server.socket());
  follower.send("GET /v1/events?follow=true HTTP/1.1\r\nHost: m\r\n\r\n");
  EXPECT_NE(follower.read_until("released").find("200"), std::string::npos);
  EXPECT_EQ(status_of(get(server.socket(), "/v1/events?follow=true")), 503);
  EXPECT_EQ(status_of(get(server.socket(), "/v1/status")), 200);
}

TEST(Server, FollowsEventsAsTheyHappen) {
  ServerUnderTest server;
  server.on_loop([](FakeOperations& operations) { operations.add_event("encode", "first"); });
  Peer peer(server.socket());
  peer.send("GET /v1/events?follow=true HTTP/1.1\r\nHost: m\r\n\r\n");
  EXPECT_NE(peer.read_until("first").find("application/x-ndjson"), std::string::npos);
  server.on_loop([](FakeOperations& operations) { operations.add_event("encode", "second"); });
  EXPECT_NE(peer.read_until("second").find("second"), std::string::npos);
}

TEST(Server, EndsAStreamWhenItsReaderHangsUp) {
  ServerUnderTest server([](ServerOptions& options) { options.connections_max = 1; });
  server.on_loop([](FakeOperations& operations) { operations.add_event("encode", "first"); });
  {
    Peer peer(server.socket());
    peer.send("GET /v1/events?follow=true HTTP/1.1\r\nHost: m\r\n\r\n");
    peer.read_until("first");
  }
  int status = 503;
  for (int tries = 0; status == 503 && tries < 100'000; ++tries) {
    status = status_of(get(server.socket(), "/v1/version"));
  }
  EXPECT_EQ(status, 200);
}

TEST(Server, AnswersInTimeEvenIfTheDaemonDoesNot) {
  ServerUnderTest server([](ServerOptions& options) { options.answer_timeout = 50ms; });
  server.on_loop([](FakeOperations& operations) { operations.silent = true; });
  const std::string response = post(server.socket(), "/v1/reload", "");
  EXPECT_EQ(status_of(response), 504);
  EXPECT_EQ(error_code(response), "timed_out");
  // The late reply finds nobody, and changes nothing for others.
  server.on_loop([](FakeOperations& operations) {
    operations.answer_held();
    operations.silent = false;
  });
  EXPECT_EQ(status_of(post(server.socket(), "/v1/reload", "")), 200);
}

TEST(Server, AnswersWhenTheDaemonReplysLater) {
  ServerUnderTest server;
  server.on_loop([](FakeOperations& operations) { operations.silent = true; });
  Peer peer(server.socket());
  peer.send("POST /v1/reload HTTP/1.1\r\nHost: m\r\nContent-Length: 0\r\n\r\n");
  bool asked = false;
  while (!asked) {
    server.on_loop([&](FakeOperations& operations) { asked = !operations.calls.empty(); });
  }
  server.on_loop([](FakeOperations& operations) { operations.answer_held(); });
  EXPECT_EQ(status_of(peer.read_response()), 200);
}

TEST(Server, AuditsWritesWithTheirOutcome) {
  ServerUnderTest server;
  get(server.socket(), "/v1/status");
  post(server.socket(), "/v1/reload", "");
  post(server.socket(), "/v1/pools/none/pause?", "");
  post(server.socket(), "/v1/pools?dry_run=true", "{");
  const std::vector<Audit> audits = server.audits();
  ASSERT_EQ(audits.size(), 3U);
  EXPECT_EQ(audits[0].path, "/v1/reload");
  EXPECT_EQ(audits[0].status, 200U);
  EXPECT_EQ(audits[0].uid, getuid());
  EXPECT_EQ(audits[0].pid, getpid());
  EXPECT_EQ(audits[1].status, 404U);
  EXPECT_EQ(audits[2].path, "/v1/pools");
  EXPECT_EQ(audits[2].status, 400U);
}

TEST(Server, CutsItsConnectionsWhenItEnds) {
  ServerUnderTest server;
  Peer idle(server.socket());
  Peer waiting(server.socket());
  server.on_loop([](FakeOperations& operations) { operations.silent = true; });
  waiting.send("POST /v1/reload HTTP/1.1\r\nHost: m\r\nContent-Length: 0\r\n\r\n");
  bool asked = false;
  while (!asked) {
    server.on_loop([&](FakeOperations& operations) { asked = !operations.calls.empty(); });
  }
  server.stop_server();
  EXPECT_EQ(idle.read_all(), "");
  EXPECT_EQ(waiting.read_all(), "");
  EXPECT_FALSE(std::filesystem::exists(server.socket()));
  server.on_loop([](FakeOperations& operations) { operations.answer_held(); });
}

}  // namespace
}  // namespace mayfly::control
