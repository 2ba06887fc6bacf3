// Stands between a client and an HTTP server on loopback and spoils what passes: cuts, stalls,
// changed bytes, other answers. Keeps a list of what was asked. One request per connection.
#pragma once

#include <atomic>
#include <cstdint>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace mayfly::support {

class FaultyProxy {
 public:
  struct Fault {
    enum class Kind : std::uint8_t {
      kCut,      ///< after `at` bytes of the body
      kStall,    ///< the same, with the connection left open
      kCorrupt,  ///< the body's byte `at`
      kAnswer,   ///< `head`, instead of the server's answer
      kHold,     ///< the answer waits until release() or clear()
    };
    Kind kind = Kind::kCut;
    std::string path;  ///< of requests whose target has this in it
    std::uint64_t at = 0;
    std::string head;  ///< "404 Not Found\r\nName: value"
    int times = 1;     ///< < 0: always
  };
  struct Request {
    std::string method;
    std::string target;
    std::string range;             ///< "" = none
    std::string authorization;     ///< the same
    std::uint64_t body_bytes = 0;  ///< that were passed on in answer to it
  };

  explicit FaultyProxy(int server_port);
  ~FaultyProxy();  ///< ends all connections
  FaultyProxy(const FaultyProxy&) = delete;
  FaultyProxy& operator=(const FaultyProxy&) = delete;

  [[nodiscard]] int port() const { return port_; }
  [[nodiscard]] std::string host() const { return "127.0.0.1:" + std::to_string(port_); }

  void add(Fault fault);
  void clear();  ///< no faults any more; what stalls or is held is cut
  [[nodiscard]] std::vector<Request> requests() const;
  /// Of those whose target has `part` in it.
  [[nodiscard]] std::vector<Request> requests_for(const std::string& part) const;
  void forget();  ///< the requests so far

 private:
  struct Connection {
    std::thread thread;
    std::atomic<int> client = -1;
    std::atomic<bool> over = false;
  };
  void accept_all();
  void serve(Connection& connection);
  void pass(int client, const std::string& head, Request& request, std::optional<Fault> fault);
  std::optional<Fault> fault_for(const std::string& target);
  void wait_until_cleared(int client) const;
  void sweep();

  int server_port_;
  int port_ = 0;
  int listener_ = -1;
  std::atomic<bool> ended_ = false;
  std::atomic<std::uint64_t> cleared_ = 0;
  mutable std::mutex mutex_;
  std::vector<Fault> faults_;
  std::vector<Request> requests_;
  std::list<Connection> connections_;
  std::thread thread_;
};

}  // namespace mayfly::support
