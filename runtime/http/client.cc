#include "runtime/http/client.h"

#include <boost/asio/post.hpp>
#include <utility>

namespace mayfly::http {
namespace {

Reply not_sent(std::string what) {
  return tl::unexpected(Failure{Failure::Kind::kNotSent, std::move(what)});
}

}  // namespace

Client::Client(boost::asio::io_context& loop, Options options)
    : loop_(loop),
      options_(std::move(options)),
      multi_(loop, *this, options_.calls_inflight_max),
      uploads_(loop,
               [this](std::uint64_t id, Reply reply) {
                 drain_queue();  // its thread is free, also where nobody waits for it any more
                 finish(id, std::move(reply));
               }),
      alive_(std::make_shared<char>()) {}

/// Transfers go after the multi that they are in has let go of them.
Client::~Client() {
  for (auto& [id, call] : calls_) {
    if (call.transfer) multi_.remove(*call.transfer);
  }
  for (auto& [id, transfer] : late_) multi_.remove(*transfer);
}

Client::CallId Client::call(Request request, Done done) {
  const auto id = ++last_id_;
  auto& call = calls_[id];
  call.done = std::move(done);
  if (queued_ >= options_.calls_queued_max) {
    call.place = Place::kNone;
    fail_soon(id, "too many calls are waiting");
    return CallId{id};
  }
  if (request.deadline) arm_deadline(id, *request.deadline);
  call.request = std::move(request);
  queue_.push_back(id);
  ++queued_;
  drain_queue();
  return CallId{id};
}

Client::CallId Client::stream(Request request, Sink sink, Done done) {
  const auto id = ++last_id_;
  auto& call = calls_[id];
  call.sink = std::move(sink);
  call.done = std::move(done);
  if (request.deadline) arm_deadline(id, *request.deadline);
  send(id, std::move(request), Place::kStream);
  return CallId{id};
}

void Client::cancel(CallId id) {
  auto node = calls_.extract(static_cast<std::uint64_t>(id));
  if (node.empty()) return;
  leave(node.key(), node.mapped());
  drain_queue();
}

/// In order, but for uploads that wait for a thread: they let others pass.
void Client::drain_queue() {
  std::deque<std::uint64_t> passed;
  while (!queue_.empty() && inflight_ < options_.calls_inflight_max) {
    const auto id = queue_.front();
    queue_.pop_front();
    const auto found = calls_.find(id);
    if (found == calls_.end()) continue;
    auto& request = found->second.request;
    const bool is_upload = !request.body_file.empty();
    if (is_upload && uploads_.running() >= options_.uploads_inflight_max) {
      passed.push_back(id);
      continue;
    }
    --queued_;
    send(id, std::move(request), is_upload ? Place::kThread : Place::kConnection);
  }
  queue_.insert(queue_.begin(), passed.begin(), passed.end());
}

void Client::send(std::uint64_t id, Request request, Place place) {
  auto& call = calls_.at(id);
  const auto body = place == Place::kStream ? Transfer::Body::kStreamed : Transfer::Body::kGathered;
  auto transfer = std::make_unique<Transfer>(id, options_.server, std::move(request), body);
  const bool takes =
      transfer->fault().empty() && (place == Place::kThread || multi_.add(*transfer));
  call.place = takes ? place : Place::kNone;
  if (!takes) {
    const auto& fault = transfer->fault();
    return fail_soon(id, fault.empty() ? "curl does not take the request" : fault);
  }
  if (place == Place::kThread) return uploads_.start(std::move(transfer));
  if (place == Place::kConnection) ++inflight_;
  call.transfer = std::move(transfer);
}

void Client::fail_soon(std::uint64_t id, std::string why) {
  boost::asio::post(loop_, [this, alive = std::weak_ptr(alive_), id, why = std::move(why)] {
    if (!alive.expired()) finish(id, not_sent(why));
  });
}

void Client::arm_deadline(std::uint64_t id, std::chrono::milliseconds deadline) {
  auto& timer = calls_.at(id).timer.emplace(loop_, deadline);
  timer.async_wait([this, alive = std::weak_ptr(alive_), id](boost::system::error_code error) {
    if (!error && !alive.expired()) expire(id);
  });
}

void Client::expire(std::uint64_t id) {
  const auto found = calls_.find(id);
  if (found == calls_.end()) return;
  auto& call = found->second;
  if (call.place == Place::kQueue) return finish(id, not_sent("no connection was free in time"));
  if (call.transfer && call.transfer->is_unsent()) {
    return finish(id, not_sent("no connection in time"));
  }
  if (call.place == Place::kConnection && call.transfer->may_finish()) {
    call.place = Place::kNone;
    let_finish(std::move(call.transfer));
  }
  finish(id, tl::unexpected(Failure{Failure::Kind::kNoAnswer, "no answer in time"}));
}

/// It keeps its place, so that a server that is stuck is not given more and more to do. Half of the
/// places at most: the oldest goes.
void Client::let_finish(std::unique_ptr<Transfer> transfer) {
  const auto id = transfer->id();
  late_.emplace(id, std::move(transfer));
  if (late_.size() * 2 <= options_.calls_inflight_max) return;
  multi_.remove(*late_.begin()->second);
  late_.erase(late_.begin());
  --inflight_;
}

void Client::on_progress(Transfer& transfer) {
  const auto found = calls_.find(transfer.id());
  if (found == calls_.end()) return;
  const auto sink = found->second.sink;  // a copy: it may cancel the call that holds it
  const auto alive = std::weak_ptr(alive_);
  const auto id = transfer.id();
  const auto pieces = transfer.take_pieces();
  if (transfer.take_opened() && sink.open) sink.open();
  if (alive.expired() || !calls_.contains(id)) return;
  if (!pieces.empty() && sink.piece) sink.piece(pieces);
}

void Client::on_end(Transfer& transfer, int code) {
  const auto id = transfer.id();
  if (late_.erase(id) > 0) {
    --inflight_;
    return drain_queue();
  }
  finish(id, transfer.reply(code));
}

/// What it holds, given back.
void Client::leave(std::uint64_t id, Call& call) {
  if (call.transfer) multi_.remove(*call.transfer);
  switch (call.place) {
    case Place::kQueue:
      --queued_;
      return;
    case Place::kConnection:
      --inflight_;
      return;
    case Place::kThread:
      return uploads_.cancel(id);
    case Place::kStream:
    case Place::kNone:
      return;
  }
}

void Client::finish(std::uint64_t id, Reply reply) {
  auto node = calls_.extract(id);
  if (node.empty()) return;
  leave(id, node.mapped());
  drain_queue();
  node.mapped().done(std::move(reply));
}

}  // namespace mayfly::http
