// The only translation unit with Beast in it: it takes ten seconds to compile.
#include "agent/control/session.h"

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <memory>
#include <optional>

#include "agent/control/router.h"
#include "agent/control/spool.h"

namespace mayfly::control {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using Local = asio::local::stream_protocol;
using ErrorCode = boost::system::error_code;

namespace {

constexpr std::size_t kBufferMax = 64UL * 1024;
constexpr std::size_t kReadSize = 4096;
constexpr std::size_t kUploadChunk = 256UL * 1024;
constexpr int kLingerReadsMax = 256;

}  // namespace

/// The steps of a connection, in order: await_request → read_header → read_body | read_upload → ask
/// → write | stream → await_request. Each is entered once the one before is done, so that at most
/// one request is worked on, however many the peer sends. Every handler holds the session; one that
/// runs after the hub has let go does nothing.
class Session final : public std::enable_shared_from_this<Session> {
 public:
  Session(Local::socket socket, const Caller& caller, Hub& hub)
      : stream_(std::move(socket)), timer_(hub.loop), caller_(caller), hub_(&hub) {
    hub_->sessions.insert(this);
  }
  ~Session() { close(); }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void await_request();
  /// Leaves the hub, cancels everything.
  void close();

 private:
  template <class... Args>
  auto then(void (Session::*step)(Args...)) {
    return [self = shared_from_this(), step](Args... args) {
      if (self->hub_ != nullptr) (self.get()->*step)(args...);
    };
  }
  [[nodiscard]] const ServerOptions& options() const { return hub_->options; }

  void on_first_bytes(ErrorCode error, std::size_t size);
  void read_header();
  void on_header(ErrorCode error, std::size_t size);
  void accept_request();
  void on_continue_sent(ErrorCode error, std::size_t size);
  void read_body();
  void on_body(ErrorCode error, std::size_t size);
  void read_upload();
  void on_upload(ErrorCode error, std::size_t size);
  void on_spooled(const tl::expected<void, std::string>& written);
  void ask(Request request);
  void on_answer_timeout(ErrorCode error);
  void on_answer(std::uint64_t number, Response response);
  void refuse(const Response& response);
  void audit(unsigned status) const;
  void write(const Response& response);
  void on_written(ErrorCode error, std::size_t size);
  void linger(ErrorCode error, std::size_t size);
  void begin_stream(Response response);
  void on_stream_head(ErrorCode error, std::size_t size);
  void on_reader_gone(ErrorCode error, std::size_t size);
  void pump();
  void on_pump_timer(ErrorCode error);
  void on_pumped(ErrorCode error, std::size_t size);

  beast::basic_stream<Local> stream_;
  asio::steady_timer timer_;
  Caller caller_;
  Hub* hub_;
  Access access_ = access_of(caller_, hub_->door);
  beast::flat_buffer buffer_{kBufferMax};

  // The request at hand.
  std::optional<http::request_parser<http::empty_body>> header_;
  std::optional<http::request_parser<http::string_body>> body_;
  std::optional<http::request_parser<http::buffer_body>> upload_;
  std::chrono::steady_clock::time_point upload_deadline_;
  std::string method_;
  std::string target_;
  std::optional<Match> match_;
  bool keep_alive_ = false;
  unsigned version_ = 11;
  std::string chunk_;
  std::shared_ptr<Spool> spool_;

  // Its answer.
  std::uint64_t asked_ = 0;
  bool waiting_ = false;
  http::response<http::string_body> response_;
  http::response<http::empty_body> stream_head_;
  std::optional<http::response_serializer<http::empty_body>> serializer_;
  Feed feed_;
  bool feed_ended_ = false;
  int linger_reads_ = 0;
};

void begin_session(Local::socket socket, const Caller& caller, Hub& hub) {
  std::make_shared<Session>(std::move(socket), caller, hub)->await_request();
}

void cut_sessions(Hub& hub) {
  while (!hub.sessions.empty()) (*hub.sessions.begin())->close();
}

void Session::close() {
  if (hub_ == nullptr) return;
  if (feed_) --hub_->streams;
  hub_->sessions.erase(this);
  hub_ = nullptr;
  feed_ = nullptr;
  timer_.cancel();
  stream_.close();
}

// ---- taking a request -----------------------------------------------------------------------

void Session::await_request() {
  header_.emplace();
  header_->header_limit(options().header_bytes_max);
  header_->body_limit(options().import_bytes_max);
  if (buffer_.size() > 0) return read_header();
  stream_.expires_after(options().idle_timeout);
  stream_.async_read_some(buffer_.prepare(kReadSize), then(&Session::on_first_bytes));
}

void Session::on_first_bytes(ErrorCode error, std::size_t size) {
  if (error) return close();
  buffer_.commit(size);
  read_header();
}

void Session::read_header() {
  // One deadline for header and body together: sending byte by byte does not move it.
  stream_.expires_after(options().request_timeout);
  http::async_read_header(stream_, buffer_, *header_, then(&Session::on_header));
}

void Session::on_header(ErrorCode error, std::size_t /*size*/) {
  match_.reset();
  keep_alive_ = false;
  if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    return refuse(error_response(431, "header_too_large", "the header is too large"));
  }
  if (error == http::error::body_limit) return refuse(too_large(options().import_bytes_max));
  if (error && error.category() == http::make_error_code(http::error::bad_method).category() &&
      error != http::error::end_of_stream && error != http::error::partial_message) {
    return refuse(error_response(400, "bad_request", "not an HTTP request: " + error.message()));
  }
  if (error) return close();
  accept_request();
}

void Session::accept_request() {
  const auto& header = header_->get();
  method_ = std::string(header.method_string());
  target_ = std::string(header.target());
  version_ = header.version();
  auto match = find_route(method_, target_);
  if (!match) return refuse(match.error());
  match_ = std::move(*match);
  if (access_ < match_->route->access) return refuse(forbidden(access_));
  const bool upload = match_->route->body == BodyKind::kSpooled;
  const std::uint64_t max = upload ? options().import_bytes_max : options().body_bytes_max;
  if (header_->content_length().value_or(0) > max) return refuse(too_large(max));
  keep_alive_ = header_->keep_alive();
  if (!beast::iequals(header[http::field::expect], "100-continue")) return read_body();
  response_ = {http::status::continue_, version_};
  http::async_write(stream_, response_, then(&Session::on_continue_sent));
}

void Session::on_continue_sent(ErrorCode error, std::size_t /*size*/) {
  if (error) return close();
  read_body();
}

void Session::read_body() {
  if (match_->route->body == BodyKind::kSpooled) {
    auto spool = Spool::create(options().spool_directory);
    if (!spool) return refuse(error_response(500, "failed", spool.error()));
    spool_ = std::move(*spool);
    upload_.emplace(std::move(*header_));
    upload_->body_limit(options().import_bytes_max);
    upload_deadline_ = std::chrono::steady_clock::now() + options().import_timeout;
    return read_upload();
  }
  body_.emplace(std::move(*header_));
  body_->body_limit(options().body_bytes_max);
  http::async_read(stream_, buffer_, *body_, then(&Session::on_body));
}

void Session::on_body(ErrorCode error, std::size_t /*size*/) {
  keep_alive_ = keep_alive_ && !error;
  if (error == http::error::body_limit) return refuse(too_large(options().body_bytes_max));
  if (error == beast::error::timeout || error == http::error::partial_message) return close();
  if (error) return refuse(error_response(400, "bad_request", "broken body: " + error.message()));
  Request request;
  request.content_type = std::string(body_->get()[http::field::content_type]);
  request.body = std::move(body_->get().body());
  body_.reset();
  ask(std::move(request));
}

void Session::read_upload() {
  if (upload_->is_done()) {
    upload_.reset();
    Request request;
    request.spool_file = spool_->path();
    return ask(std::move(request));
  }
  if (std::chrono::steady_clock::now() > upload_deadline_) {
    keep_alive_ = false;
    return refuse(error_response(408, "timed_out", "the upload took too long"));
  }
  chunk_.resize(kUploadChunk);
  upload_->get().body().data = chunk_.data();
  upload_->get().body().size = chunk_.size();
  stream_.expires_after(options().request_timeout);
  http::async_read(stream_, buffer_, *upload_, then(&Session::on_upload));
}

void Session::on_upload(ErrorCode error, std::size_t /*size*/) {
  if (error == http::error::need_buffer) error = {};
  keep_alive_ = keep_alive_ && !error;
  if (error == http::error::body_limit) return refuse(too_large(options().import_bytes_max));
  if (error) return close();
  chunk_.resize(chunk_.size() - upload_->get().body().size);
  asio::post(hub_->disk, [self = shared_from_this(), spool = spool_, &loop = hub_->loop,
                          bytes = std::move(chunk_)]() mutable {
    auto written = spool->append(bytes);
    asio::post(loop, [self = std::move(self), written = std::move(written)] {
      if (self->hub_ != nullptr) self->on_spooled(written);
    });
  });
}

void Session::on_spooled(const tl::expected<void, std::string>& written) {
  if (written) return read_upload();
  keep_alive_ = false;
  refuse(error_response(507, "failed", written.error()));
}

// ---- having it answered ---------------------------------------------------------------------

void Session::ask(Request request) {
  request.unix_ms = unix_ms_now();
  const std::uint64_t number = ++asked_;
  waiting_ = true;
  const bool upload = match_->route->body == BodyKind::kSpooled;
  timer_.expires_after(upload ? options().import_timeout : options().answer_timeout);
  timer_.async_wait(then(&Session::on_answer_timeout));
  // The spooled file lives for as long as somebody may still read it: until the daemon lets go of
  // the reply, even if the peer is gone by then.
  answer(*match_, request, hub_->operations,
         [session = weak_from_this(), number, spool = std::move(spool_)](Response response) {
           const auto self = session.lock();
           if (self && self->hub_ != nullptr) self->on_answer(number, std::move(response));
         });
  spool_.reset();
}

void Session::on_answer_timeout(ErrorCode error) {
  if (error || !waiting_) return;
  on_answer(asked_,
            error_response(504, "timed_out", "the daemon has not finished; it may still do it"));
}

void Session::on_answer(std::uint64_t number, Response response) {
  if (!waiting_ || number != asked_) return;
  waiting_ = false;
  timer_.cancel();
  audit(response.status);
  if (response.feed) return begin_stream(std::move(response));
  write(response);
}

/// Before the whole request was read: what is left of it is not a request.
void Session::refuse(const Response& response) {
  keep_alive_ = false;
  spool_.reset();
  audit(response.status);
  write(response);
}

void Session::audit(unsigned status) const {
  if (!options().audit || !match_ || match_->route->access != Access::kWrite) return;
  options().audit(
      {caller_.uid, caller_.pid, method_, target_.substr(0, target_.find('?')), status});
}

void Session::write(const Response& response) {
  response_ = {static_cast<http::status>(response.status), version_};
  response_.set(http::field::content_type, response.content_type);
  if (!response.allow.empty()) response_.set(http::field::allow, response.allow);
  response_.body() = response.body;
  response_.keep_alive(keep_alive_);
  response_.prepare_payload();
  stream_.expires_after(options().request_timeout);
  http::async_write(stream_, response_, then(&Session::on_written));
}

void Session::on_written(ErrorCode error, std::size_t /*size*/) {
  if (error) return close();
  response_ = {};
  if (keep_alive_) return await_request();
  // A close with bytes unread would reset the connection before the peer has read why.
  stream_.socket().shutdown(Local::socket::shutdown_send, error);
  stream_.expires_after(options().linger_timeout);
  linger({}, 0);
}

void Session::linger(ErrorCode error, std::size_t /*size*/) {
  if (error || ++linger_reads_ > kLingerReadsMax) return close();
  buffer_.clear();
  stream_.async_read_some(buffer_.prepare(kBufferMax), then(&Session::linger));
}

// ---- following ------------------------------------------------------------------------------

void Session::begin_stream(Response response) {
  keep_alive_ = false;
  if (version_ < 11) {
    return write(error_response(505, "bad_request", "this answer needs HTTP/1.1"));
  }
  if (hub_->streams >= options().streams_max) {
    return write(error_response(503, "busy", "too many followers; try again"));
  }
  ++hub_->streams;
  feed_ = std::move(response.feed);
  stream_head_ = {http::status::ok, version_};
  stream_head_.set(http::field::content_type, response.content_type);
  stream_head_.keep_alive(false);
  stream_head_.chunked(true);
  serializer_.emplace(stream_head_);
  stream_.expires_after(options().request_timeout);
  http::async_write_header(stream_, *serializer_, then(&Session::on_stream_head));
}

void Session::on_stream_head(ErrorCode error, std::size_t /*size*/) {
  if (error) return close();
  // A reader that hangs up is seen at once, not at the next line; nothing else is due from it.
  stream_.expires_never();
  stream_.async_read_some(buffer_.prepare(1), then(&Session::on_reader_gone));
  pump();
}

void Session::on_reader_gone(ErrorCode /*error*/, std::size_t /*size*/) {
  close();
}

void Session::pump() {
  FeedStep step = feed_();
  feed_ended_ = step.ended;
  if (step.bytes.empty() && !feed_ended_) {
    timer_.expires_after(options().follow_interval);
    return timer_.async_wait(then(&Session::on_pump_timer));
  }
  chunk_ = std::move(step.bytes);
  stream_.expires_after(options().request_timeout);
  if (chunk_.empty()) {
    asio::async_write(stream_, http::make_chunk_last(), then(&Session::on_pumped));
  } else {
    asio::async_write(stream_, http::make_chunk(asio::buffer(chunk_)), then(&Session::on_pumped));
  }
}

void Session::on_pump_timer(ErrorCode error) {
  if (!error) pump();
}

void Session::on_pumped(ErrorCode error, std::size_t /*size*/) {
  if (error) return close();
  if (!feed_ended_) return pump();
  if (chunk_.empty()) return close();
  chunk_.clear();
  asio::async_write(stream_, http::make_chunk_last(), then(&Session::on_pumped));
}

}  // namespace mayfly::control
