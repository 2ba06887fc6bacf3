// An HTTP server on loopback that answers what a test tells it to. One request per connection, one
// connection at a time.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <thread>

namespace mayfly::support {

class ScriptedServer {
 public:
  struct Request {
    std::string method;
    std::string target;
    std::string head;  ///< all of it
    std::string body;

    /// "": it has none.
    [[nodiscard]] std::string header(const std::string& lower_case_name) const;
  };
  /// Head and body, without lengths: "200 OK\r\nName: value", "…".
  struct Answer {
    std::string head;
    std::string body;
  };

  /// `answer` is called on a thread of the server's.
  explicit ScriptedServer(std::function<Answer(const Request&)> answer);
  ~ScriptedServer();
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;

  [[nodiscard]] std::string host() const { return "127.0.0.1:" + std::to_string(port_); }

 private:
  void serve_all();
  void serve(int client);

  std::function<Answer(const Request&)> answer_;
  int port_ = 0;
  int listener_;
  std::atomic<bool> ended_ = false;
  std::thread thread_;
};

}  // namespace mayfly::support
