// An HTTP server on a unix socket of the test's own, on the test's own loop: it reads whole
// requests and says what it is told to, byte for byte, also what no server should.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

namespace mayfly::http {

class FakeServer {
 public:
  /// One connection of a client.
  class Peer {
   public:
    explicit Peer(boost::asio::io_context& loop) : socket_(loop) {}
    void send(const std::string& bytes);
    /// A whole answer with a Content-Length.
    void answer(int status, const std::string& body);
    void close();
    [[nodiscard]] bool is_open() const { return socket_.is_open(); }

   private:
    friend class FakeServer;
    boost::asio::local::stream_protocol::socket socket_;
    std::string read_;
    std::string piece_ = std::string(64 << 10, '\0');
  };

  struct Asked {
    std::string method;
    std::string target;
    std::string head;  ///< the request line and the headers
    std::string body;
    std::size_t connection = 0;  ///< the how-manieth, from 1
  };
  using Answer = std::function<void(Peer&, const Asked&)>;

  FakeServer(boost::asio::io_context& loop, Answer answer);
  ~FakeServer();
  FakeServer(const FakeServer&) = delete;
  FakeServer& operator=(const FakeServer&) = delete;

  [[nodiscard]] const std::string& socket() const { return path_; }
  [[nodiscard]] std::string directory() const { return directory_; }

  /// Stops listening and breaks all connections.
  void stop();
  void start();  ///< REQUIRES: it is stopped

  std::vector<Asked> asked;  ///< all so far
  std::size_t connections = 0;
  std::size_t closed_by_client = 0;
  std::size_t body_bytes = 0;  ///< of all requests
  bool keeps_bodies = true;    ///< or only counts them

 private:
  void accept();
  void read(const std::shared_ptr<Peer>& peer, std::size_t number);
  void take(const std::shared_ptr<Peer>& peer, std::size_t number);

  boost::asio::io_context& loop_;
  Answer answer_;
  std::string directory_;
  std::string path_;
  std::unique_ptr<boost::asio::local::stream_protocol::acceptor> acceptor_;
  std::list<std::weak_ptr<Peer>> peers_;
  std::shared_ptr<char> alive_ = std::make_shared<char>();
};

}  // namespace mayfly::http
