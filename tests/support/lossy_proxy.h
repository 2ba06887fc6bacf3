// Stands between a client and a server on unix sockets and, when told to, loses what the server
// answers: the request has been passed on, so it happens, and nobody hears of it. Knows no
// protocol; works on a thread of its own.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>

namespace mayfly::support {

class LossyProxy {
 public:
  enum class Loss : std::uint8_t {
    kCut,      ///< the connection ends where the answer should be
    kSwallow,  ///< the connection stays, and nothing more ever comes from it
  };

  /// Listens on `socket`, and connects to `server` for each connection that it takes.
  LossyProxy(std::string socket, std::string server);
  ~LossyProxy();
  LossyProxy(const LossyProxy&) = delete;
  LossyProxy& operator=(const LossyProxy&) = delete;

  [[nodiscard]] const std::string& socket() const { return socket_; }

  /// Passes `pieces` more pieces of answers, from whichever connections, and loses the next in this
  /// way. Later connections work.
  void lose_answer_after(int pieces, Loss loss);
  void lose_nothing() { pieces_left_ = -1; }
  [[nodiscard]] bool has_lost() const { return lost_; }

 private:
  class Pair;

  void accept();
  /// True: this piece is to be lost.
  bool is_due();

  std::string socket_;
  std::string server_;
  std::atomic<int> pieces_left_ = -1;  ///< < 0: none is to be lost
  std::atomic<Loss> loss_ = Loss::kCut;
  std::atomic<bool> lost_ = false;
  boost::asio::io_context loop_;
  boost::asio::local::stream_protocol::acceptor acceptor_;
  std::thread thread_;
};

}  // namespace mayfly::support
