// A gRPC server of no service: it answers every call with an empty message, or not at all. On the
// loop of the test, one connection at a time.
#pragma once

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

struct nghttp2_session;

namespace mayfly::containerd {

class FakeGrpcServer {
 public:
  FakeGrpcServer(boost::asio::io_context& loop, const std::string& socket);
  ~FakeGrpcServer();
  FakeGrpcServer(const FakeGrpcServer&) = delete;
  FakeGrpcServer& operator=(const FakeGrpcServer&) = delete;

  /// Reads nothing more, as a process that is stopped; go_on() reads what has come meanwhile.
  void stop() { stopped_ = true; }
  void go_on();
  /// A ping of its own, named by one letter.
  void ping(char name);

  [[nodiscard]] std::size_t calls() const { return calls_; }
  /// Names of its pings that were answered, in the order of the answers.
  [[nodiscard]] const std::string& answered() const { return answered_; }

 private:
  struct Callbacks;

  void accept();
  void begin();
  void read();
  void write();
  void answer(std::int32_t stream);

  boost::asio::local::stream_protocol::acceptor acceptor_;
  boost::asio::local::stream_protocol::socket socket_;
  nghttp2_session* session_ = nullptr;
  std::array<std::uint8_t, 16 * 1024> in_{};
  bool stopped_ = false;
  bool reading_ = false;
  std::size_t calls_ = 0;
  std::string answered_;
  std::shared_ptr<char> alive_ = std::make_shared<char>();
};

}  // namespace mayfly::containerd
