#include "tests/runtime/containerd/fake_grpc_server.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <stdexcept>

namespace mayfly::containerd {
namespace {

constexpr std::size_t kEmptyMessage = 5;  ///< a frame's head, all zero

nghttp2_nv field(std::string& name, std::string& value) {
  return {reinterpret_cast<std::uint8_t*>(name.data()),
          reinterpret_cast<std::uint8_t*>(value.data()), name.size(), value.size(),
          NGHTTP2_NV_FLAG_NONE};
}

}  // namespace

struct FakeGrpcServer::Callbacks {
  static int frame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    auto& server = *static_cast<FakeGrpcServer*>(user);
    const auto flags = frame->hd.flags;
    if (frame->hd.type == NGHTTP2_PING && (flags & NGHTTP2_FLAG_ACK) != 0) {
      server.answered_ += static_cast<char>(frame->ping.opaque_data[0]);
    }
    const bool request = frame->hd.type == NGHTTP2_DATA && (flags & NGHTTP2_FLAG_END_STREAM) != 0;
    if (request) server.answer(frame->hd.stream_id);
    return 0;
  }

  static ssize_t body(nghttp2_session* session, std::int32_t stream, std::uint8_t* buffer,
                      std::size_t, std::uint32_t* flags, nghttp2_data_source*, void*) {
    std::fill_n(buffer, kEmptyMessage, std::uint8_t{0});
    *flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
    std::string name = "grpc-status";
    std::string value = "0";
    const auto trailer = field(name, value);
    nghttp2_submit_trailer(session, stream, &trailer, 1);
    return kEmptyMessage;
  }
};

FakeGrpcServer::FakeGrpcServer(boost::asio::io_context& loop, const std::string& socket)
    : acceptor_(loop, socket), socket_(loop) {
  accept();
}

FakeGrpcServer::~FakeGrpcServer() {
  nghttp2_session_del(session_);
}

void FakeGrpcServer::accept() {
  acceptor_.async_accept(socket_, [this, alive = std::weak_ptr(alive_)](auto error) {
    if (!error && !alive.expired()) begin();
  });
}

void FakeGrpcServer::begin() {
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_session_callbacks_new(&callbacks);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, Callbacks::frame);
  nghttp2_session_server_new(&session_, callbacks, this);
  nghttp2_session_callbacks_del(callbacks);
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, nullptr, 0);
  write();
  read();
}

void FakeGrpcServer::read() {
  if (stopped_ || reading_) return;
  reading_ = true;
  const auto took = [this, alive = std::weak_ptr(alive_)](auto error, std::size_t size) {
    if (alive.expired() || error) return;
    reading_ = false;
    if (nghttp2_session_mem_recv(session_, in_.data(), size) < 0) {
      throw std::runtime_error("the client does not speak HTTP/2");
    }
    write();
    read();
  };
  // Waited for apart from being read: what comes after stop() stays unread.
  socket_.async_wait(socket_.wait_read, [this, took, alive = std::weak_ptr(alive_)](auto) {
    if (alive.expired()) return;
    if (stopped_) {
      reading_ = false;
      return;
    }
    socket_.async_read_some(boost::asio::buffer(in_), took);
  });
}

void FakeGrpcServer::write() {
  const std::uint8_t* bytes = nullptr;
  for (;;) {
    const auto size = nghttp2_session_mem_send(session_, &bytes);
    if (size <= 0) return;
    boost::asio::write(socket_, boost::asio::buffer(bytes, static_cast<std::size_t>(size)));
  }
}

void FakeGrpcServer::go_on() {
  stopped_ = false;
  read();
}

void FakeGrpcServer::ping(char name) {
  const std::array<std::uint8_t, 8> payload{static_cast<std::uint8_t>(name)};
  nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, payload.data());
  write();
}

void FakeGrpcServer::answer(std::int32_t stream) {
  ++calls_;
  std::string names[] = {":status", "content-type"};
  std::string values[] = {"200", "application/grpc"};
  const std::array<nghttp2_nv, 2> fields{field(names[0], values[0]), field(names[1], values[1])};
  nghttp2_data_provider provider{};
  provider.read_callback = Callbacks::body;
  nghttp2_submit_response(session_, stream, fields.data(), fields.size(), &provider);
}

}  // namespace mayfly::containerd
