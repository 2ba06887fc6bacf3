#include "runtime/http/client.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

#include "tests/runtime/http/fake_server.h"

namespace mayfly::http {
namespace {

using namespace std::chrono_literals;
using Peer = FakeServer::Peer;
using Asked = FakeServer::Asked;

class HttpClient : public ::testing::Test {
 protected:
  void serve(FakeServer::Answer answer) {
    server = std::make_unique<FakeServer>(loop, std::move(answer));
    use({});
  }

  void use(Client::Options options) {
    options.server.socket = server->socket();
    client = std::make_unique<Client>(loop, std::move(options));
  }

  static Request get(const std::string& path) {
    Request request;
    request.url = "http://server" + path;
    request.deadline = 20s;
    return request;
  }

  static Request post(const std::string& path, const std::string& body) {
    auto request = get(path);
    request.method = "POST";
    request.body = body;
    return request;
  }

  bool until(const std::function<bool()>& so) {
    const auto end = std::chrono::steady_clock::now() + 30s;
    while (!so()) {
      if (std::chrono::steady_clock::now() >= end) return false;
      if (loop.run_one_until(end) == 0) loop.restart();
    }
    return true;
  }

  Reply ask(Request request) {
    std::optional<Reply> reply;
    client->call(std::move(request), [&](Reply came) { reply = std::move(came); });
    if (until([&] { return reply.has_value(); })) return std::move(*reply);
    return tl::unexpected(Failure{Failure::Kind::kNoAnswer, "the test waited too long"});
  }

  /// How a call fails on a server that says these bytes and closes.
  Failure failure_of(const std::string& said) {
    serve([&](Peer& peer, const Asked&) {
      peer.send(said);
      peer.close();
    });
    const auto reply = ask(post("/x", "y"));
    EXPECT_FALSE(reply) << said;
    return reply ? Failure{} : reply.error();
  }

  boost::asio::io_context loop;
  std::unique_ptr<FakeServer> server;
  std::unique_ptr<Client> client;
};

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

TEST_F(HttpClient, StreamsABodyAsItComes) {
  Peer* out = nullptr;
  serve([&](Peer& peer, const Asked&) {
    out = &peer;
    peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  });
  bool opened = false;
  std::string got;
  std::optional<Reply> end;
  auto request = get("/events");
  request.deadline.reset();
  client->stream(request, {[&] { opened = true; }, [&](std::string_view piece) { got += piece; }},
                 [&](Reply reply) { end = std::move(reply); });
  ASSERT_TRUE(until([&] { return opened; }));
  EXPECT_EQ(got, "");
  out->send("3\r\none\r\n");
  ASSERT_TRUE(until([&] { return got == "one"; }));
  out->send("3\r\ntwo\r\n");
  ASSERT_TRUE(until([&] { return got == "onetwo"; }));
  EXPECT_FALSE(end);
  out->send("0\r\n\r\n");
  ASSERT_TRUE(until([&] { return end.has_value(); }));
  EXPECT_EQ((*end)->status, 200);
  EXPECT_EQ((*end)->body, "");
}

TEST_F(HttpClient, GathersTheBodyOfAStreamThatIsRefused) {
  serve([](Peer& peer, const Asked&) { peer.answer(404, "no such thing"); });
  std::optional<Reply> end;
  client->stream(get("/"), {[] { FAIL(); }, [](std::string_view) { FAIL(); }},
                 [&](Reply reply) { end = std::move(reply); });
  ASSERT_TRUE(until([&] { return end.has_value(); }));
  EXPECT_EQ((*end)->status, 404);
  EXPECT_EQ((*end)->body, "no such thing");
}

TEST_F(HttpClient, MayBeCancelledFromWithinAStreamAndDestroyedFromWithinACall) {
  serve([](Peer& peer, const Asked&) { peer.answer(200, "pieces"); });
  Client::CallId id{};
  bool cancelled = false;
  id = client->stream(get("/"),
                      {{},
                       [&](std::string_view) {
                         client->cancel(id);
                         cancelled = true;
                       }},
                      [](const Reply&) { FAIL(); });
  ASSERT_TRUE(until([&] { return cancelled; }));
  client->call(get("/"), [&](const Reply&) { client.reset(); });
  ASSERT_TRUE(until([&] { return client == nullptr; }));
}

TEST_F(HttpClient, IsDestroyedInTheMiddleOfCalls) {
  serve([](Peer& peer, const Asked& asked) {
    if (asked.target == "/fast") peer.answer(200, "x");
  });
  for (int turns = 0; turns < 30; ++turns) {
    use({});
    auto late = post("/slow", "y");
    late.deadline = 1ms;
    late.when_late = WhenLate::kLetFinish;
    client->call(late, [](const Reply&) {});
    client->call(get("/fast"), [](const Reply&) {});
    client->call(get("/slow"), [](const Reply&) {});
    client->stream(get("/slow"), {}, [](const Reply&) {});
    auto file = post("/slow", "");
    file.body_file = "/proc/self/exe";
    client->call(file, [](const Reply&) {});
    for (int turn = 0; turn < turns; ++turn) loop.run_one_for(1ms);
  }
  client.reset();
  loop.run_for(10ms);
}

TEST_F(HttpClient, SendsAFileOfAnySize) {
  serve([](Peer& peer, const Asked&) { peer.answer(200, "got it"); });
  server->keeps_bodies = false;
  const auto path = server->directory() + "/file";
  constexpr std::size_t kSize = 64 << 20;
  std::ofstream(path).close();
  std::filesystem::resize_file(path, kSize);
  auto request = post("/load", "");
  request.body_file = path;
  const auto reply = ask(request);
  ASSERT_TRUE(reply) << reply.error().what;
  EXPECT_EQ(reply->body, "got it");
  EXPECT_EQ(server->body_bytes, kSize);
}

TEST_F(HttpClient, SendsNothingOfAFileThatIsNotThere) {
  serve([](Peer&, const Asked&) {});
  auto request = post("/load", "");
  for (const auto& path : {server->directory() + "/none", server->directory()}) {
    request.body_file = path;
    const auto reply = ask(request);
    ASSERT_FALSE(reply);
    EXPECT_EQ(reply.error().kind, Failure::Kind::kNotSent);
    EXPECT_NE(reply.error().what.find(server->directory()), std::string::npos);
  }
  EXPECT_TRUE(server->asked.empty());
}

TEST_F(HttpClient, LetsCallsPassUploadsThatWaitForAThread) {
  Peer* first = nullptr;
  serve([&](Peer& peer, const Asked& asked) {
    if (asked.method == "GET") return peer.answer(200, "x");
    if (first != nullptr) return peer.answer(200, "second");
    first = &peer;
  });
  Client::Options options;
  options.uploads_inflight_max = 1;
  use(options);
  auto request = post("/load", "");
  request.body_file = "/proc/self/exe";
  int ended = 0;
  client->call(request, [&](const Reply& reply) { ended += reply ? 1 : 0; });
  client->call(request, [&](const Reply& reply) { ended += reply ? 1 : 0; });
  EXPECT_TRUE(ask(get("/")));
  ASSERT_TRUE(until([&] { return first != nullptr; }));
  EXPECT_EQ(ended, 0);
  first->answer(200, "first");
  EXPECT_TRUE(until([&] { return ended == 2; }));
}

TEST(PercentEncoding, LeavesOnlyWhatIsPlain) {
  EXPECT_EQ(percent_encoded("aZ0-._~"), "aZ0-._~");
  EXPECT_EQ(percent_encoded("a/b:c@d e\"{}\xc3\xa4"), "a%2Fb%3Ac%40d%20e%22%7B%7D%C3%A4");
}

}  // namespace
}  // namespace mayfly::http
