// A client of a server on a unix socket, used as if it answered at once.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "runtime/http/client.h"
#include "tests/runtime/http/fake_server.h"

namespace mayfly::http {

using namespace std::chrono_literals;
using Peer = FakeServer::Peer;
using Asked = FakeServer::Asked;

class ClientTest : public ::testing::Test {
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

}  // namespace mayfly::http
