// An Engine API server of the test's own that says what the test tells it to; who it is it says
// by itself.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "runtime/docker/docker.h"
#include "tests/runtime/http/fake_server.h"

namespace mayfly::docker {

class FakeEngine {
 public:
  using Peer = http::FakeServer::Peer;
  using Asked = http::FakeServer::Asked;
  /// `target` without the version.
  using Answer = std::function<void(Peer&, const Asked&, const std::string& target)>;

  FakeEngine(boost::asio::io_context& loop, Answer answer)
      : server(loop, [this, answer = std::move(answer)](Peer& peer, const Asked& asked) {
          if (is_silent) return;
          if (asked.target == "/_ping") {
            return peer.send("HTTP/1.1 200 OK\r\nApi-Version: " + api +
                             (is_podman ? "\r\nLibpod-Api-Version: 4.3.1" : "") +
                             "\r\nContent-Length: 2\r\n\r\nOK");
          }
          const auto target = asked.target.substr(std::min(prefix.size(), asked.target.size()));
          if (target == "/info" && holds_info) return holds_info(peer);
          if (target == "/info") return peer.answer(info_status, info);
          if (target.starts_with("/events")) {
            events = &peer;
            return peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
          }
          answer(peer, asked, target);
        }) {}

  /// How often this was asked.
  [[nodiscard]] int count(const std::string& method, const std::string& part) const {
    int found = 0;
    for (const auto& asked : server.asked) {
      found += asked.method == method && asked.target.find(part) != std::string::npos ? 1 : 0;
    }
    return found;
  }

  std::string prefix = "/v1.41";
  std::string api = "1.41";
  std::string info = R"({"DockerRootDir":"/var/lib/docker","LiveRestoreEnabled":true})";
  int info_status = 200;
  bool is_podman = false;
  std::function<void(Peer&)> holds_info;  ///< in place of its answer
  bool is_silent = false;                 ///< takes requests and answers none
  Peer* events = nullptr;                 ///< of the stream, once it is asked for
  http::FakeServer server;
};

}  // namespace mayfly::docker
