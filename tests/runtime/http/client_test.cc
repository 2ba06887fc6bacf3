#include "tests/runtime/http/client_fixture.h"

namespace mayfly::http {
namespace {

class HttpClient : public ClientTest {};

TEST_F(HttpClient, BringsStatusHeadersAndBody) {
  serve([](Peer& peer, const Asked&) {
    peer.send("HTTP/1.1 201 Made\r\nApi-Version:  1.41 \r\nContent-Length: 2\r\n\r\nhi");
  });
  const auto reply = ask(post("/make?a=b", "the body"));
  ASSERT_TRUE(reply) << reply.error().what;
  EXPECT_EQ(reply->status, 201);
  EXPECT_EQ(reply->body, "hi");
  EXPECT_EQ(reply->headers.at(0), (Headers::value_type{"api-version", "1.41"}));
  ASSERT_EQ(server->asked.size(), 1U);
  EXPECT_EQ(server->asked[0].method, "POST");
  EXPECT_EQ(server->asked[0].target, "/make?a=b");
  EXPECT_EQ(server->asked[0].body, "the body");
}

TEST_F(HttpClient, SendsWhatItIsAskedAndNothingToWaitFor) {
  serve([](Peer& peer, const Asked&) { peer.answer(204, ""); });
  auto request = post("/x", std::string(3 << 20, 'x'));
  request.headers = {{"X-Thing", "a thing"}};
  ASSERT_TRUE(ask(request));
  EXPECT_EQ(server->body_bytes, request.body.size());
  EXPECT_NE(server->asked[0].head.find("X-Thing: a thing"), std::string::npos);
  EXPECT_EQ(server->asked[0].head.find("Expect"), std::string::npos);
  request = get("/x");
  request.method = "DELETE";
  ASSERT_TRUE(ask(request));
  EXPECT_EQ(server->asked[1].method, "DELETE");
  ASSERT_TRUE(ask(post("/x", "")));
  EXPECT_EQ(server->asked[2].method, "POST");
}

TEST_F(HttpClient, ReadsChunkedBodies) {
  serve([](Peer& peer, const Asked&) {
    peer.send(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
  });
  EXPECT_EQ(ask(get("/"))->body, "abcde");
}

TEST_F(HttpClient, TakesErrorsForAnswers) {
  serve([](Peer& peer, const Asked&) { peer.answer(500, "no"); });
  const auto reply = ask(get("/"));
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 500);
  EXPECT_EQ(reply->body, "no");
}

TEST_F(HttpClient, FollowsNoRedirect) {
  serve([](Peer& peer, const Asked&) {
    peer.send("HTTP/1.1 302 Found\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n");
  });
  EXPECT_EQ(ask(get("/"))->status, 302);
  EXPECT_EQ(server->asked.size(), 1U);
}

TEST_F(HttpClient, UsesItsConnectionAgain) {
  serve([](Peer& peer, const Asked&) { peer.answer(200, "x"); });
  for (int call = 0; call < 10; ++call) ASSERT_TRUE(ask(get("/")));
  EXPECT_EQ(server->connections, 1U);
}

TEST_F(HttpClient, KnowsThatNothingWasSentToAServerThatIsNotThere) {
  serve([](Peer&, const Asked&) {});
  server->stop();
  const auto reply = ask(post("/x", "y"));
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().kind, Failure::Kind::kNotSent);
}

TEST_F(HttpClient, KnowsNotWhatBecameOfARequestThatIsNotAnswered) {
  EXPECT_EQ(failure_of("").kind, Failure::Kind::kNoAnswer);
  EXPECT_EQ(server->asked.size(), 1U);
}

TEST_F(HttpClient, TakesNoBrokenAnswerForAnAnswer) {
  for (const auto* said : {
           "nonsense\r\n\r\n",
           "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\nab",
           "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
           "HTTP/1.1 200 OK\r\nContent-Le",
       }) {
    const auto failure = failure_of(said);
    EXPECT_EQ(failure.kind, Failure::Kind::kNoAnswer) << said;
    EXPECT_FALSE(failure.what.empty());
    EXPECT_EQ(failure.what.find('\n'), std::string::npos);
  }
}

TEST_F(HttpClient, DoesNotSendASecondTimeOverAConnectionThatBroke) {
  int calls = 0;
  serve([&](Peer& peer, const Asked&) { ++calls == 1 ? peer.answer(200, "x") : peer.close(); });
  ASSERT_TRUE(ask(post("/first", "y")));
  const auto reply = ask(post("/second", "y"));
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().kind, Failure::Kind::kNoAnswer);
  EXPECT_EQ(server->asked.size(), 2U);
}

TEST_F(HttpClient, KnowsNotWhatBecameOfARequestWhoseServerIsKilled) {
  int calls = 0;
  serve([&](Peer& peer, const Asked&) { ++calls == 1 ? peer.answer(200, "x") : server->stop(); });
  ASSERT_TRUE(ask(post("/first", "y")));
  const auto reply = ask(post("/second", "y"));
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().kind, Failure::Kind::kNoAnswer);
}

TEST_F(HttpClient, HoldsNoMoreOfAnAnswerThanItMay) {
  serve([](Peer& peer, const Asked&) { peer.answer(200, std::string(1000, 'x')); });
  auto request = get("/");
  request.answer_bytes_max = 999;
  EXPECT_FALSE(ask(request));
  request.answer_bytes_max = 1000;
  EXPECT_TRUE(ask(request));
}

TEST_F(HttpClient, TakesNoHeadersWithoutEnd) {
  serve([](Peer& peer, const Asked&) {
    std::string said = "HTTP/1.1 200 OK\r\n";
    for (int line = 0; line < 2000; ++line) said += "X-Filler: " + std::string(90, 'x') + "\r\n";
    peer.send(said);
  });
  EXPECT_FALSE(ask(get("/")));
}

TEST_F(HttpClient, WaitsNoLongerThanTheDeadline) {
  serve([](Peer&, const Asked&) {});
  auto request = get("/");
  request.deadline = 50ms;
  const auto reply = ask(request);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().kind, Failure::Kind::kNoAnswer);
  EXPECT_TRUE(until([&] { return server->closed_by_client == 1; }));
}

TEST_F(HttpClient, LetsALateChangeFinish) {
  Peer* slow = nullptr;
  serve([&](Peer& peer, const Asked& asked) {
    if (asked.target == "/slow") {
      slow = &peer;
    } else {
      peer.answer(200, "x");
    }
  });
  auto request = post("/slow", "");
  request.deadline = 50ms;
  request.when_late = WhenLate::kLetFinish;
  EXPECT_FALSE(ask(request));
  EXPECT_TRUE(ask(get("/other")));
  EXPECT_EQ(server->closed_by_client, 0U);
  slow->answer(200, "at last");
  EXPECT_TRUE(ask(get("/other")));
}

TEST_F(HttpClient, LetsOnlyHalfOfItsPlacesBeHeldByLateCalls) {
  serve([](Peer& peer, const Asked& asked) {
    if (asked.target != "/slow") peer.answer(200, "x");
  });
  Client::Options options;
  options.calls_inflight_max = 4;
  use(options);
  for (int call = 0; call < 6; ++call) {
    auto request = post("/slow", "");
    request.deadline = 20ms;
    request.when_late = WhenLate::kLetFinish;
    EXPECT_FALSE(ask(request));
  }
  EXPECT_TRUE(ask(get("/other")));
  EXPECT_TRUE(until([&] { return server->closed_by_client == 4; }));
}

TEST_F(HttpClient, KeepsItsCallsInFlightBoundedAndInOrder) {
  std::vector<Peer*> waiting;
  serve([&](Peer& peer, const Asked&) { waiting.push_back(&peer); });
  Client::Options options;
  options.calls_inflight_max = 2;
  options.calls_queued_max = 3;
  use(options);
  std::vector<int> ended;
  int refused = 0;
  for (int call = 0; call < 7; ++call) {
    client->call(get("/" + std::to_string(call)), [&, call](const Reply& reply) {
      reply ? ended.push_back(call) : static_cast<void>(++refused);
    });
  }
  ASSERT_TRUE(until([&] { return waiting.size() == 2 && refused == 2; }));
  while (ended.size() < 5) {
    ASSERT_TRUE(until([&] { return !waiting.empty(); }));
    auto* peer = waiting.front();
    waiting.erase(waiting.begin());
    peer->answer(200, "");
    const auto before = ended.size();
    ASSERT_TRUE(until([&] { return ended.size() > before; }));
  }
  EXPECT_EQ(ended, (std::vector{0, 1, 2, 3, 4}));
  EXPECT_LE(server->connections, 2U);
}

TEST_F(HttpClient, SaysThatWhatWaitedTooLongWasNotSent) {
  serve([](Peer&, const Asked&) {});
  Client::Options options;
  options.calls_inflight_max = 1;
  use(options);
  client->call(get("/first"), [](const Reply&) {});
  auto second = get("/second");
  second.deadline = 50ms;
  const auto reply = ask(second);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().kind, Failure::Kind::kNotSent);
}

TEST_F(HttpClient, CallsNothingBackForWhatIsCancelled) {
  serve([](Peer& peer, const Asked& asked) {
    if (asked.target == "/other") peer.answer(200, "x");
  });
  const auto id = client->call(get("/"), [](const Reply&) { FAIL(); });
  ASSERT_TRUE(until([&] { return server->asked.size() == 1; }));
  client->cancel(id);
  client->cancel(id);
  EXPECT_TRUE(ask(get("/other")));
  EXPECT_TRUE(until([&] { return server->closed_by_client == 1; }));
}

}  // namespace
}  // namespace mayfly::http
