#include "runtime/containerd/grpc/channel.h"

#include <sys/un.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

namespace mayfly::containerd::grpc {
namespace {

using namespace std::chrono_literals;
using Clock = Connection::Clock;

// grpc-go closes a connection ("too many pings") at the third ping within five minutes that came
// with no reply between them.
constexpr auto kPingEvery = 5min;

Failure failure(Failure::Kind kind, std::string what) {
  return {kind, Code::kUnavailable, std::move(what)};
}

}  // namespace

Channel::Channel(boost::asio::io_context& loop, Options options, OnLink on_link)
    : loop_(loop),
      options_(std::move(options)),
      on_link_(std::move(on_link)),
      pulse_(loop),
      backoff_(options_.backoff_min),
      jitter_(std::random_device{}()),
      alive_(std::make_shared<char>()) {}

Channel::~Channel() = default;

void Channel::start() {
  arm_pulse(0ms);
}

Channel::CallId Channel::call(Request request, std::chrono::milliseconds deadline,
                              std::function<void(Reply)> done) {
  Call call;
  call.request = std::move(request);
  call.done = std::move(done);
  return CallId{enqueue(std::move(call), deadline)};
}

Channel::CallId Channel::stream(Request request, std::optional<std::chrono::milliseconds> deadline,
                                Sink sink) {
  Call call;
  call.request = std::move(request);
  call.sink = std::move(sink);
  return CallId{enqueue(std::move(call), deadline)};
}

std::uint64_t Channel::enqueue(Call call, std::optional<std::chrono::milliseconds> deadline) {
  const auto id = ++last_id_;
  const bool full = queued_ >= options_.calls_queued_max;
  calls_.emplace(id, std::move(call));
  ++queued_;
  if (full) {
    boost::asio::post(loop_, [this, alive = std::weak_ptr(alive_), id] {
      if (alive.expired()) return;
      finish(id, tl::unexpected(failure(Failure::Kind::kNotSent, "too many calls are waiting")));
    });
    return id;
  }
  if (deadline) arm_deadline(id, *deadline);
  queue_.push_back(id);
  drain_queue();
  return id;
}

void Channel::cancel(CallId id) {
  const auto node = calls_.extract(static_cast<std::uint64_t>(id));
  if (!node.empty()) leave(node.mapped(), WhenLate::kCancel);
  drain_queue();
}

void Channel::send_more(CallId id, std::string_view body, Sending sending) {
  const auto found = calls_.find(static_cast<std::uint64_t>(id));
  if (found == calls_.end()) return;
  if (found->second.stream) return connection_->send_more(*found->second.stream, body, sending);
  found->second.request.body.append(body);
  found->second.request.sending = sending;
}

void Channel::drain_queue() {
  while (!queue_.empty()) {
    if (const auto found = calls_.find(queue_.front()); found != calls_.end()) {
      if (!ready_ || connection_->streams_free() == 0) return;
      send(found->first, found->second);
    }
    queue_.pop_front();
  }
}

void Channel::send(std::uint64_t id, Call& call) {
  const auto stream = connection_->submit(call.request);
  call.stream = stream;
  by_stream_[stream] = id;
  --queued_;
  if (!call.timer || busy_++ > 0) return;
  busy_since_ = Clock::now();
  arm_pulse(options_.answer_max);
}

void Channel::arm_deadline(std::uint64_t id, std::chrono::milliseconds deadline) {
  auto& timer = calls_.at(id).timer.emplace(loop_, deadline);
  timer.async_wait([this, alive = std::weak_ptr(alive_), id](boost::system::error_code error) {
    if (!error && !alive.expired()) expire(id);
  });
}

void Channel::expire(std::uint64_t id) {
  const auto found = calls_.find(id);
  if (found == calls_.end()) return;
  if (!found->second.stream) {
    const auto why = ready_ ? "no stream was free in time" : "no connection: " + link_fault_;
    return finish(id, tl::unexpected(failure(Failure::Kind::kNotSent, why)));
  }
  auto node = calls_.extract(found);
  leave(node.mapped(), node.mapped().request.when_late);
  // Nobody may be waiting any more, and still a server that let a call pass is to be doubted.
  if (!std::exchange(unanswered_, true) && busy_ == 0 && !pinged_) arm_pulse(0ms);
  tell(std::move(node.mapped()),
       tl::unexpected(failure(Failure::Kind::kNoAnswer, "no answer in time")));
}

/// What a call holds of the connection, given back.
void Channel::leave(const Call& call, WhenLate stream) {
  if (!call.stream) {
    --queued_;
    return;
  }
  by_stream_.erase(*call.stream);
  if (call.timer) --busy_;
  if (connection_ && stream == WhenLate::kCancel) connection_->reset(*call.stream);
}

void Channel::finish(std::uint64_t id, Outcome how) {
  auto node = calls_.extract(id);
  if (node.empty()) return;
  leave(node.mapped(), WhenLate::kCancel);
  tell(std::move(node.mapped()), std::move(how));
}

void Channel::tell(Call call, Outcome how) {
  drain_queue();
  if (!call.done) return call.sink.end(std::move(how));
  if (!how) return call.done(tl::unexpected(how.error()));
  if (!call.reply) {
    return call.done(
        tl::unexpected(failure(Failure::Kind::kNoAnswer, "an answer without a reply")));
  }
  call.done(std::move(*call.reply));
}

void Channel::on_message(Connection::StreamId stream, std::string message) {
  const auto named = by_stream_.find(stream);
  if (named == by_stream_.end()) return;
  const auto id = named->second;
  auto& call = calls_.at(id);
  ping_allowed_ = {};
  if (!call.done) {
    const auto receive = call.sink.message;  // a copy: it may cancel the call that holds it
    return receive(std::move(message));
  }
  if (call.reply) {
    return finish(id, tl::unexpected(failure(Failure::Kind::kNoAnswer, "more than one reply")));
  }
  call.reply = std::move(message);
}

void Channel::on_end(Connection::StreamId stream, Outcome how) {
  const auto named = by_stream_.find(stream);
  if (named == by_stream_.end()) return;
  const auto id = named->second;
  ping_allowed_ = {};
  auto& call = calls_.at(id);
  const bool refused = !how && how.error().kind == Failure::Kind::kNotSent;
  if (!refused || call.request.sending == Sending::kMore) return finish(id, std::move(how));
  // Refused before it was looked at, as after a GOAWAY: it waits for the next connection.
  leave(call, WhenLate::kCancel);
  call.stream.reset();
  ++queued_;
  queue_.push_front(id);
}

void Channel::on_ready() {
  ready_ = true;
  backoff_ = options_.backoff_min;
  pinged_ = false;
  unanswered_ = false;
  pulse_.cancel();
  drain_queue();
  set_link(Link::kUp, {});
}

void Channel::on_closed(std::string why) {
  ready_ = false;
  connection_.reset();
  const auto wait = std::uniform_int_distribution<long>(
      backoff_.count() / 2, static_cast<long>(backoff_.count()))(jitter_);
  backoff_ = std::min(backoff_ * 2, options_.backoff_max);
  arm_pulse(std::chrono::milliseconds(wait));
  set_link(Link::kDown, why);
}

void Channel::set_link(Link link, const std::string& why) {
  link_fault_ = why;
  if (link_ == link) return;
  link_ = link;
  if (on_link_) on_link_(link, why);
}

void Channel::connect() {
  if (options_.socket.size() >= sizeof(sockaddr_un{}.sun_path)) {
    return set_link(Link::kDown, "the path is too long for a unix socket: " + options_.socket);
  }
  Connection::Owner& self = *this;
  const Connection::Options options{options_.message_bytes_max, options_.ping_answer_wait};
  connection_ = std::make_unique<Connection>(loop_, self, options);
  connection_->open(options_.socket);
  arm_pulse(options_.answer_max);
}

void Channel::connect_now() {
  if (connection_ || link_ != Link::kDown) return;
  backoff_ = options_.backoff_min;
  connect();
}

void Channel::arm_pulse(Clock::duration in) {
  pulse_.expires_after(in);
  pulse_.async_wait([this, alive = std::weak_ptr(alive_)](boost::system::error_code error) {
    if (!error && !alive.expired()) pulse();
  });
}

void Channel::pulse() {
  if (!connection_) return connect();
  if (!ready_) return connection_->abandon("it accepts, but does not speak");
  if (busy_ > 0 || pinged_ || unanswered_) doubt_silence();
}

void Channel::doubt_silence() {
  if (pinged_) return set_link(Link::kDown, "no answer");
  const auto now = Clock::now();
  const auto silent_since = std::max(connection_->last_heard(), busy_since_);
  if (now - silent_since < options_.answer_max) {
    return arm_pulse(silent_since + options_.answer_max - now);
  }
  if (now >= ping_allowed_) {
    connection_->ping();
    pinged_ = true;
    ping_allowed_ = now + kPingEvery;
  } else if (unanswered_) {
    return set_link(Link::kDown, "no answer");
  }
  arm_pulse(options_.answer_max);
}

void Channel::on_heard() {
  if (!pinged_ && !unanswered_) return;
  pinged_ = false;
  unanswered_ = false;
  set_link(Link::kUp, {});
}

}  // namespace mayfly::containerd::grpc
