#include <filesystem>
#include <fstream>

#include "tests/runtime/http/client_fixture.h"

namespace mayfly::http {
namespace {

class HttpStreams : public ClientTest {};
class HttpUploads : public ClientTest {};

TEST_F(HttpStreams, StreamsABodyAsItComes) {
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

TEST_F(HttpStreams, GathersTheBodyOfAStreamThatIsRefused) {
  serve([](Peer& peer, const Asked&) { peer.answer(404, "no such thing"); });
  std::optional<Reply> end;
  client->stream(get("/"), {[] { FAIL(); }, [](std::string_view) { FAIL(); }},
                 [&](Reply reply) { end = std::move(reply); });
  ASSERT_TRUE(until([&] { return end.has_value(); }));
  EXPECT_EQ((*end)->status, 404);
  EXPECT_EQ((*end)->body, "no such thing");
}

TEST_F(HttpStreams, MayBeCancelledFromWithinAStreamAndDestroyedFromWithinACall) {
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

TEST_F(HttpStreams, IsDestroyedInTheMiddleOfCalls) {
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

TEST_F(HttpUploads, SendsAFileOfAnySize) {
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

TEST_F(HttpUploads, SendsABodyBeforeTheFile) {
  serve([](Peer& peer, const Asked&) { peer.answer(200, ""); });
  const auto path = server->directory() + "/file";
  std::ofstream(path) << "and the file";
  auto request = post("/load", "the body, ");
  request.body_file = path;
  ASSERT_TRUE(ask(request));
  EXPECT_EQ(server->asked.at(0).body, "the body, and the file");
}

TEST_F(HttpUploads, SendsNothingOfAFileThatIsNotThere) {
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

TEST_F(HttpUploads, LetsCallsPassUploadsThatWaitForAThread) {
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
