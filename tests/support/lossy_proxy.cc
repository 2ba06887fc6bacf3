#include "tests/support/lossy_proxy.h"

#include <unistd.h>

#include <array>
#include <boost/asio/write.hpp>
#include <utility>

namespace mayfly::support {

using boost::asio::local::stream_protocol;
using boost::system::error_code;

/// A client's connection and the one to the server that belongs to it. Lives as long as one of them
/// is read from.
class LossyProxy::Pair : public std::enable_shared_from_this<Pair> {
 public:
  Pair(LossyProxy& proxy, stream_protocol::socket client)
      : proxy_(proxy), client_(std::move(client)), server_(proxy.loop_) {}

  void start() {
    error_code refused;
    server_.connect(stream_protocol::endpoint(proxy_.server_), refused);
    if (refused) return;
    pass_requests();
    pass_answers();
  }

 private:
  using Buffer = std::array<char, 65536>;

  void pass_requests() {
    client_.async_read_some(boost::asio::buffer(from_client_),
                            [this, self = shared_from_this()](error_code failed, std::size_t size) {
                              if (!failed)
                                boost::asio::write(server_, boost::asio::buffer(from_client_, size),
                                                   failed);
                              if (failed) return end();
                              pass_requests();
                            });
  }

  void pass_answers() {
    server_.async_read_some(boost::asio::buffer(from_server_),
                            [this, self = shared_from_this()](error_code failed, std::size_t size) {
                              if (failed) return end();
                              silent_ = silent_ || proxy_.is_due();
                              if (silent_ && proxy_.loss_ == Loss::kCut) return end();
                              if (!silent_)
                                boost::asio::write(client_, boost::asio::buffer(from_server_, size),
                                                   failed);
                              if (failed) return end();
                              pass_answers();
                            });
  }

  void end() {
    error_code ignored;
    client_.close(ignored);
    server_.close(ignored);
  }

  LossyProxy& proxy_;
  stream_protocol::socket client_;
  stream_protocol::socket server_;
  Buffer from_client_{};
  Buffer from_server_{};
  bool silent_ = false;
};

LossyProxy::LossyProxy(std::string socket, std::string server)
    : socket_(std::move(socket)),
      server_(std::move(server)),
      acceptor_(loop_, stream_protocol::endpoint(socket_)) {
  accept();
  thread_ = std::thread([this] { loop_.run(); });
}

LossyProxy::~LossyProxy() {
  loop_.stop();
  thread_.join();
  unlink(socket_.c_str());
}

void LossyProxy::lose_answer_after(int pieces, Loss loss) {
  lost_ = false;
  loss_ = loss;
  pieces_left_ = pieces;
}

bool LossyProxy::is_due() {
  if (pieces_left_ < 0 || pieces_left_-- > 0) return false;
  lost_ = true;
  return true;
}

void LossyProxy::accept() {
  acceptor_.async_accept([this](error_code failed, stream_protocol::socket client) {
    if (failed) return;
    std::make_shared<Pair>(*this, std::move(client))->start();
    accept();
  });
}

}  // namespace mayfly::support
