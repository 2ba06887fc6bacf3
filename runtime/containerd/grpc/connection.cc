#include "runtime/containerd/grpc/connection.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>

namespace mayfly::containerd::grpc {
namespace {

constexpr std::int32_t kStreamWindow = 1 << 20;
constexpr std::int32_t kConnectionWindow = 4 << 20;
constexpr std::size_t kWriteBytesMax = 256 * 1024;
constexpr std::size_t kStreamsMax = 128;  ///< whatever more the server would take

nghttp2_nv field(const std::string& name, const std::string& value) {
  // nghttp2 copies both; its structure merely lacks the const.
  return {reinterpret_cast<std::uint8_t*>(const_cast<char*>(name.data())),
          reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data())), name.size(),
          value.size(), NGHTTP2_NV_FLAG_NONE};
}

std::vector<std::pair<std::string, std::string>> request_fields(const Request& request) {
  std::vector<std::pair<std::string, std::string>> fields{{":method", "POST"},
                                                          {":scheme", "http"},
                                                          {":path", request.path},
                                                          {":authority", "localhost"},
                                                          {"content-type", "application/grpc"},
                                                          {"te", "trailers"},
                                                          {"user-agent", "mayfly"}};
  fields.insert(fields.end(), request.metadata.begin(), request.metadata.end());
  return fields;
}

}  // namespace

// nghttp2 must not be called back into, nor be destroyed, from these: they note what happened.
struct Connection::Callbacks {
  static Connection& self(void* user) { return *static_cast<Connection*>(user); }

  static int frame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    auto& connection = self(user);
    if (frame->hd.type == NGHTTP2_GOAWAY) connection.goodbye_ = true;
    if (frame->hd.type == NGHTTP2_PING && (frame->hd.flags & NGHTTP2_FLAG_ACK) == 0) {
      connection.take_ping(std::to_array(frame->ping.opaque_data));
    }
    const bool settings =
        frame->hd.type == NGHTTP2_SETTINGS && (frame->hd.flags & NGHTTP2_FLAG_ACK) == 0;
    if (settings && !connection.ready_) {
      connection.ready_ = true;
      connection.happenings_.push_back([](Owner& owner) { owner.on_ready(); });
    }
    return 0;
  }

  static int header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                    std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                    std::uint8_t, void* user) {
    auto& streams = self(user).streams_;
    if (const auto found = streams.find(frame->hd.stream_id); found != streams.end()) {
      found->second.fields.add({reinterpret_cast<const char*>(name), name_size},
                               {reinterpret_cast<const char*>(value), value_size});
    }
    return 0;
  }

  static int data(nghttp2_session*, std::uint8_t, std::int32_t stream, const std::uint8_t* bytes,
                  std::size_t size, void* user) {
    self(user).take_data(stream, {reinterpret_cast<const char*>(bytes), size});
    return 0;
  }

  static int stream_closed(nghttp2_session*, std::int32_t stream, std::uint32_t error, void* user) {
    self(user).end_stream(stream, error);
    return 0;
  }

  static int not_sent(nghttp2_session*, const nghttp2_frame* frame, int, void* user) {
    if (frame->hd.type == NGHTTP2_HEADERS) {
      self(user).end_stream(frame->hd.stream_id, NGHTTP2_REFUSED_STREAM);
    }
    return 0;
  }

  static ssize_t body(nghttp2_session*, std::int32_t stream, std::uint8_t* buffer, std::size_t room,
                      std::uint32_t* flags, nghttp2_data_source*, void* user) {
    auto& streams = self(user).streams_;
    const auto found = streams.find(stream);
    if (found == streams.end()) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    auto& out = found->second;
    const auto taken = std::min(room, out.body.size() - out.sent);
    std::copy_n(out.body.data() + out.sent, taken, buffer);
    out.sent += taken;
    if (out.sent == out.body.size()) {
      out.body = {};
      out.sent = 0;
      if (out.sending == Sending::kDone) *flags |= NGHTTP2_DATA_FLAG_EOF;
      if (out.sending == Sending::kMore && taken == 0) return NGHTTP2_ERR_DEFERRED;
    }
    return static_cast<ssize_t>(taken);
  }
};

Connection::Connection(boost::asio::io_context& loop, Owner& owner, Options options)
    : loop_(loop),
      socket_(loop),
      owner_(owner),
      options_(options),
      ping_timer_(loop),
      alive_(std::make_shared<char>()) {}

Connection::~Connection() {
  nghttp2_session_del(session_);
}

void Connection::open(const std::string& socket) {
  const auto connected = [this, alive = std::weak_ptr(alive_)](boost::system::error_code error) {
    if (alive.expired() || closed_) return;
    if (error) return close("cannot connect: " + error.message());
    begin();
  };
  // A path too long for a unix socket throws out of Asio; it has been checked by the channel.
  socket_.async_connect(socket, connected);
}

void Connection::begin() {
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_session_callbacks_new(&callbacks);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, Callbacks::frame);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, Callbacks::header);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, Callbacks::data);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, Callbacks::stream_closed);
  nghttp2_session_callbacks_set_on_frame_not_send_callback(callbacks, Callbacks::not_sent);
  nghttp2_option* option = nullptr;
  nghttp2_option_new(&option);
  nghttp2_option_set_no_auto_ping_ack(option, 1);
  const int made = nghttp2_session_client_new2(&session_, callbacks, this, option);
  nghttp2_option_del(option);
  nghttp2_session_callbacks_del(callbacks);
  if (made != 0) return close("no memory for an HTTP/2 session");
  const std::array<nghttp2_settings_entry, 2> settings{
      {{NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
       {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, static_cast<std::uint32_t>(kStreamWindow)}}};
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
  nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, kConnectionWindow);
  last_heard_ = Clock::now();
  read();
  write();
}

std::size_t Connection::streams_free() const {
  if (!ready_ || goodbye_ || closed_) return 0;
  const std::size_t allowed =
      nghttp2_session_get_remote_settings(session_, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
  const auto most = std::min(allowed, kStreamsMax);
  return most > streams_.size() ? most - streams_.size() : 0;
}

Connection::StreamId Connection::submit(Request request) {
  const auto fields = request_fields(request);
  std::vector<nghttp2_nv> list;
  list.reserve(fields.size());
  for (const auto& [name, value] : fields) list.push_back(field(name, value));
  nghttp2_data_provider provider{};
  provider.read_callback = Callbacks::body;
  const auto id =
      nghttp2_submit_request(session_, nullptr, list.data(), list.size(), &provider, nullptr);
  if (id < 0) {
    // Out of stream ids or of memory: a new connection has both.
    abandon(nghttp2_strerror(id));
    return id;
  }
  streams_.emplace(id, Stream{std::move(request.body),
                              0,
                              request.sending,
                              {},
                              Deframer(options_.message_bytes_max),
                              {}});
  write();
  return id;
}

void Connection::send_more(StreamId stream, std::string_view body, Sending sending) {
  const auto found = streams_.find(stream);
  if (found == streams_.end() || closed_) return;
  // A peer that is always a little behind would never see it drained, and it would grow for ever.
  found->second.body.erase(0, found->second.sent);
  found->second.sent = 0;
  found->second.body.append(body);
  found->second.sending = sending;
  nghttp2_session_resume_data(session_, stream);
  write();
}

void Connection::reset(StreamId stream) {
  if (streams_.erase(stream) == 0 || closed_) return;
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream, NGHTTP2_CANCEL);
  write();
}

void Connection::ping() {
  if (closed_) return;
  nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, nullptr);
  write();
}

void Connection::abandon(std::string why) {
  boost::asio::post(loop_, [this, alive = std::weak_ptr(alive_), why = std::move(why)] {
    if (!alive.expired()) close(why);
  });
}

void Connection::read() {
  const auto took = [this, alive = std::weak_ptr(alive_)](boost::system::error_code error,
                                                          std::size_t size) {
    if (alive.expired() || closed_) return;
    if (error) return close("connection lost: " + error.message());
    last_heard_ = Clock::now();
    owner_.on_heard();
    if (alive.expired() || closed_) return;
    const auto used = nghttp2_session_mem_recv(session_, in_.data(), size);
    if (used < 0) return close(nghttp2_strerror(static_cast<int>(used)));
    deliver();
    if (alive.expired() || closed_) return;
    write();
    if (!closed_) read();
  };
  socket_.async_read_some(boost::asio::buffer(in_), took);
}

void Connection::write() {
  if (writing_ || closed_ || session_ == nullptr) return;
  out_.clear();
  while (out_.size() < kWriteBytesMax) {
    const std::uint8_t* bytes = nullptr;
    const auto size = nghttp2_session_mem_send(session_, &bytes);
    if (size < 0) return abandon(nghttp2_strerror(static_cast<int>(size)));
    if (size == 0) break;
    out_.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
  }
  if (!happenings_.empty()) {
    boost::asio::post(loop_, [this, alive = std::weak_ptr(alive_)] {
      if (!alive.expired()) deliver();
    });
  }
  if (out_.empty()) {
    if (nghttp2_session_want_read(session_) == 0) abandon("the server closed the connection");
    return;
  }
  writing_ = true;
  const auto wrote = [this, alive = std::weak_ptr(alive_)](boost::system::error_code error,
                                                           std::size_t) {
    if (alive.expired() || closed_) return;
    writing_ = false;
    if (error) return close("connection lost: " + error.message());
    deliver();
    if (!alive.expired()) write();
  };
  boost::asio::async_write(socket_, boost::asio::buffer(out_), wrote);
}

void Connection::deliver() {
  const auto alive = std::weak_ptr(alive_);
  while (!happenings_.empty()) {
    const auto batch = std::exchange(happenings_, {});
    for (const auto& happening : batch) {
      happening(owner_);
      if (alive.expired()) return;
    }
  }
}

void Connection::close(std::string why) {
  if (closed_) return;
  closed_ = true;
  boost::system::error_code ignored;
  socket_.close(ignored);
  for (const auto& [id, stream] : streams_) {
    happenings_.push_back([id = id, why](Owner& owner) {
      owner.on_end(id, tl::unexpected(Failure{Failure::Kind::kNoAnswer, Code::kUnavailable, why}));
    });
  }
  streams_.clear();
  happenings_.push_back([why = std::move(why)](Owner& owner) { owner.on_closed(why); });
  deliver();
}

void Connection::take_ping(const Ping& ping) {
  if (ping_) nghttp2_submit_ping(session_, NGHTTP2_FLAG_ACK, ping_->data());
  const bool waits = std::exchange(ping_, ping).has_value();
  if (options_.ping_answer_wait.count() == 0) return answer_ping();
  if (waits) return;
  ping_timer_.expires_after(options_.ping_answer_wait);
  ping_timer_.async_wait([this, alive = std::weak_ptr(alive_)](boost::system::error_code error) {
    if (error || alive.expired() || closed_) return;
    answer_ping();
    write();
  });
}

void Connection::answer_ping() {
  nghttp2_submit_ping(session_, NGHTTP2_FLAG_ACK, ping_->data());
  ping_.reset();
}

void Connection::take_data(StreamId id, std::string_view bytes) {
  const auto found = streams_.find(id);
  if (found == streams_.end() || !found->second.broken.empty()) return;
  auto messages = found->second.deframer.feed(bytes);
  if (!messages) {
    found->second.broken = messages.error();
    nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
    return;
  }
  for (auto& message : *messages) {
    happenings_.push_back([id, message = std::move(message)](Owner& owner) mutable {
      owner.on_message(id, std::move(message));
    });
  }
}

void Connection::end_stream(StreamId id, std::uint32_t error) {
  const auto node = streams_.extract(id);
  if (node.empty()) return;
  const auto& stream = node.mapped();
  const auto status = stream.fields.status();
  tl::expected<void, Failure> how;
  if (!stream.broken.empty()) {
    how = tl::unexpected(Failure{Failure::Kind::kNoAnswer, Code::kInternal, stream.broken});
  } else if (error == NGHTTP2_REFUSED_STREAM) {
    how = tl::unexpected(Failure{Failure::Kind::kNotSent, Code::kUnavailable, "refused"});
  } else if (!status || !stream.deframer.at_boundary()) {
    how = tl::unexpected(
        Failure{Failure::Kind::kNoAnswer, Code::kUnknown, "the reply ended without a status"});
  } else if (status->code != Code::kOk) {
    how = tl::unexpected(Failure{Failure::Kind::kAnswered, status->code, status->message});
  }
  happenings_.push_back([id, how = std::move(how)](Owner& owner) { owner.on_end(id, how); });
}

}  // namespace mayfly::containerd::grpc
