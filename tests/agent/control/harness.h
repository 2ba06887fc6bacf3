// A real server on a loop of its own thread, and raw peers that talk to it.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "agent/control/server.h"
#include "tests/agent/control/fake_operations.h"

namespace mayfly::control {

class ServerUnderTest {
 public:
  /// `adjust` may change the options before the start.
  explicit ServerUnderTest(const std::function<void(ServerOptions&)>& adjust = {});
  ~ServerUnderTest();
  ServerUnderTest(const ServerUnderTest&) = delete;
  ServerUnderTest& operator=(const ServerUnderTest&) = delete;

  [[nodiscard]] std::string socket() const { return options_.socket.path; }
  [[nodiscard]] std::string read_socket() const { return options_.read_socket->path; }
  [[nodiscard]] std::string spool_directory() const { return options_.spool_directory; }
  /// Runs on the loop's thread and waits for it.
  void on_loop(const std::function<void(FakeOperations&)>& work);
  [[nodiscard]] std::vector<Audit> audits();
  /// Ends the server; its loop goes on.
  void stop_server();

 private:
  TemporaryDirectory directory_;
  boost::asio::io_context loop_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  ServerOptions options_;
  std::mutex mutex_;
  std::vector<Audit> audits_;
  std::unique_ptr<FakeOperations> operations_;
  std::unique_ptr<Server> server_;
  std::thread thread_;
};

/// One connection. Reads give up after a long time, so that a test fails and does not hang.
class Peer {
 public:
  explicit Peer(const std::string& socket);
  ~Peer();
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  [[nodiscard]] bool connected() const { return connected_; }
  /// False: the other side has closed.
  bool send(std::string_view bytes);
  void end_sending();
  /// Until the other side closes.
  std::string read_all();
  /// Until `mark` has come, or the other side closes.
  std::string read_until(std::string_view mark);
  /// One response with a Content-Length.
  std::string read_response();

 private:
  bool read_some();

  int fd_ = -1;
  bool connected_ = false;
  std::string buffer_;
};

/// Asks on a connection of its own and gives the whole response.
std::string ask(const std::string& socket, std::string_view request);
std::string get(const std::string& socket, const std::string& target);
std::string post(const std::string& socket, const std::string& target, const std::string& body,
                 const std::string& content_type = "application/json");

[[nodiscard]] int status_of(std::string_view response);
[[nodiscard]] std::string body_of(std::string_view response);

}  // namespace mayfly::control
