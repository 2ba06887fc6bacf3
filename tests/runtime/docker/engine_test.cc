#include "runtime/docker/engine.h"

#include <gtest/gtest.h>

#include "tests/runtime/docker/fake_engine.h"

namespace mayfly::docker {
namespace {

using namespace std::chrono_literals;
using Peer = FakeEngine::Peer;
using Asked = FakeEngine::Asked;

class DockerEngine : public ::testing::Test {
 protected:
  void serve(FakeEngine::Answer answer) {
    server = std::make_unique<FakeEngine>(loop, std::move(answer));
    Engine::Options options;
    options.socket = server->server.socket();
    options.answer_max = 50ms;
    options.backoff_min = backoff;
    options.backoff_max = std::max(backoff, 100ms);
    options.calls_waiting_max = 4;
    engine = std::make_unique<Engine>(loop, options, [this](Engine::Link link, const auto& why) {
      links.push_back(link);
      fault = why;
    });
    engine->start();
  }

  bool until(const std::function<bool()>& so) {
    const auto end = std::chrono::steady_clock::now() + 30s;
    while (!so()) {
      if (std::chrono::steady_clock::now() >= end) return false;
      if (loop.run_one_until(end) == 0) loop.restart();
    }
    return true;
  }

  std::chrono::milliseconds backoff = 100ms;
  boost::asio::io_context loop;
  std::unique_ptr<FakeEngine> server;
  std::unique_ptr<Engine> engine;
  std::vector<Engine::Link> links;
  std::string fault;
};

TEST_F(DockerEngine, IsLostWhenItIsStuckAndFoundWhenItGoesOn) {
  serve([](Peer&, const Asked&, const std::string&) {});
  ASSERT_TRUE(until([&] { return links == std::vector{Engine::Link::kUp}; }));
  server->is_silent = true;
  engine->call({}, [](const auto&) {});
  ASSERT_TRUE(until([&] { return links.back() == Engine::Link::kDown; }));
  EXPECT_EQ(fault, "no answer");
  server->is_silent = false;
  EXPECT_TRUE(until([&] { return links.back() == Engine::Link::kUp; }));
}

TEST_F(DockerEngine, IsNotLostForACallThatTakesLong) {
  Peer* slow = nullptr;
  serve([&](Peer& peer, const Asked&, const std::string&) { slow = &peer; });
  std::optional<http::Reply> reply;
  engine->call({}, [&](http::Reply came) { reply = std::move(came); });
  ASSERT_TRUE(until([&] { return server->count("GET", "/_ping") >= 3; }));
  EXPECT_EQ(links, std::vector{Engine::Link::kUp});
  slow->answer(200, "at last");
  ASSERT_TRUE(until([&] { return reply.has_value(); }));
  EXPECT_TRUE(*reply);
}

/// As Podman's, which asks the host's package manager first.
TEST_F(DockerEngine, MayTakeLongToTellOfItself) {
  Peer* slow = nullptr;
  serve([](Peer&, const Asked&, const std::string&) {});
  server->holds_info = [&](Peer& peer) { slow = &peer; };
  ASSERT_TRUE(until([&] { return slow != nullptr; }));
  boost::asio::steady_timer longer(loop, 3 * 50ms);
  bool is_over = false;
  longer.async_wait([&](auto) { is_over = true; });
  ASSERT_TRUE(until([&] { return is_over; }));
  slow->answer(200, server->info);
  ASSERT_TRUE(until([&] { return !links.empty(); }));
  EXPECT_EQ(links, std::vector{Engine::Link::kUp});
}

TEST_F(DockerEngine, SendsAgainWhatWasCertainlyNotSent) {
  serve([](Peer& peer, const Asked&, const std::string&) { peer.answer(200, "x"); });
  ASSERT_TRUE(until([&] { return links == std::vector{Engine::Link::kUp}; }));
  server->server.stop();
  std::optional<http::Reply> reply;
  engine->call({}, [&](http::Reply came) { reply = std::move(came); });
  ASSERT_TRUE(until([&] { return links.back() == Engine::Link::kDown; }));
  EXPECT_FALSE(reply);
  server->server.start();
  ASSERT_TRUE(until([&] { return reply.has_value(); }));
  EXPECT_TRUE(*reply);
}

TEST_F(DockerEngine, IsMetAtOnceWhereItIsWaitedForAndSaidToBeBack) {
  backoff = 1h;
  serve([](Peer&, const Asked&, const std::string&) {});
  server->server.stop();
  ASSERT_TRUE(until([&] { return links == std::vector{Engine::Link::kDown}; }));
  server->server.start();
  engine->meet_now();
  ASSERT_TRUE(until([&] { return links.back() == Engine::Link::kUp; }));
  const auto met = server->count("GET", "/info");
  engine->meet_now();
  loop.poll();
  EXPECT_EQ(server->count("GET", "/info"), met) << "there is nobody to be met";
}

TEST_F(DockerEngine, KeepsABoundedNumberOfCallsWaiting) {
  serve([](Peer&, const Asked&, const std::string&) {});
  server->server.stop();
  int refused = 0;
  for (int call = 0; call < 6; ++call) {
    engine->call({}, [&](const http::Reply& reply) {
      EXPECT_EQ(reply.error().kind, http::Failure::Kind::kNotSent);
      ++refused;
    });
  }
  EXPECT_TRUE(until([&] { return refused == 2; }));
}

}  // namespace
}  // namespace mayfly::docker
