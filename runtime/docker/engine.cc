#include "runtime/docker/engine.h"

#include <boost/asio/post.hpp>
#include <utility>

#include "runtime/docker/answers.h"

namespace mayfly::docker {
namespace {

using namespace std::chrono_literals;

constexpr const char* kHost = "http://engine";
constexpr std::size_t kAnswerBytesMax = 64 << 20;  ///< a list of some ten thousand containers

http::Reply not_sent(std::string what) {
  return tl::unexpected(http::Failure{http::Failure::Kind::kNotSent, std::move(what)});
}

http::Client::Options client_options(const Engine::Options& options) {
  http::Client::Options client;
  client.server.socket = options.socket;
  client.calls_queued_max = options.calls_waiting_max + 16;  // its own questions come on top
  return client;
}

}  // namespace

Engine::Engine(boost::asio::io_context& loop, Options options, OnLink on_link)
    : loop_(loop),
      options_(std::move(options)),
      on_link_(std::move(on_link)),
      retry_(loop),
      silence_(loop),
      backoff_(options_.backoff_min),
      jitter_(std::random_device{}()),
      alive_(std::make_shared<char>()),
      client_(loop, client_options(options_)) {}

Engine::~Engine() = default;

void Engine::start() {
  boost::asio::post(loop_, [this, alive = std::weak_ptr(alive_)] {
    if (!alive.expired() && stage_ == Stage::kIdle) meet();
  });
}

void Engine::call(Call call, Done done) {
  const auto id = ++last_id_;
  const auto until = Clock::now() + call.deadline.value_or(options_.call_deadline);
  const bool full = pending_.size() >= options_.calls_waiting_max;
  pending_.emplace(id, Pending{std::move(call), std::move(done), until, false,
                               boost::asio::steady_timer(loop_)});
  if (full) {
    boost::asio::post(loop_, [this, alive = std::weak_ptr(alive_), id] {
      if (!alive.expired()) finish(id, not_sent("too many calls are waiting"));
    });
  } else if (takes_calls()) {
    send(id);
  } else {
    wait_for_link(id);
  }
}

http::Client::CallId Engine::stream(Call call, http::Sink sink, Done done) {
  auto wanted = request(call);
  wanted.deadline = call.deadline;
  return client_.stream(std::move(wanted), std::move(sink), std::move(done));
}

http::Request Engine::request(const Call& call) const {
  http::Request request;
  request.method = call.method;
  const bool is_podmans = facts_->is_podman && !call.podman_path.empty();
  request.url =
      std::string(kHost) + "/v" + facts_->api + (is_podmans ? call.podman_path : call.path);
  request.headers = call.headers;
  request.body = call.body;
  request.body_file = call.body_file;
  request.when_late = call.when_late;
  request.answer_bytes_max = kAnswerBytesMax;
  const bool is_file = !call.body_file.empty();
  if (is_file) request.headers.emplace_back("Content-Type", "application/x-tar");
  if (!is_file && !call.body.empty()) {
    request.headers.emplace_back("Content-Type", "application/json");
  }
  return request;
}

void Engine::send(std::uint64_t id) {
  auto& pending = pending_.at(id);
  auto wanted = request(pending.call);
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(pending.until - Clock::now());
  wanted.deadline = std::max(left, 0ms);
  pending.sent = true;
  pending.timer.cancel();
  if (sent_++ == 0) {
    busy_since_ = Clock::now();
    watch_silence();
  }
  client_.call(std::move(wanted),
               [this, id](http::Reply reply) { answered(id, std::move(reply)); });
}

void Engine::wait_for_link(std::uint64_t id) {
  auto& pending = pending_.at(id);
  pending.timer.expires_at(pending.until);
  pending.timer.async_wait([this, alive = std::weak_ptr(alive_), id](auto error) {
    if (!error && !alive.expired()) finish(id, not_sent("no connection: " + link_fault_));
  });
}

void Engine::answered(std::uint64_t id, http::Reply reply) {
  if (reply) heard_ = Clock::now();
  auto& pending = pending_.at(id);
  const bool not_sent = !reply && reply.error().kind == http::Failure::Kind::kNotSent;
  // A file that cannot be read is not sent either, and will not be.
  if (!not_sent || !pending.call.body_file.empty() || Clock::now() >= pending.until) {
    return finish(id, std::move(reply));
  }
  --sent_;
  pending.sent = false;
  doubt(reply.error().what);
  wait_for_link(id);
}

void Engine::finish(std::uint64_t id, http::Reply reply) {
  auto node = pending_.extract(id);
  if (node.empty()) return;
  if (node.mapped().sent) --sent_;
  node.mapped().done(std::move(reply));
}

void Engine::send_waiting() {
  std::vector<std::uint64_t> waiting;
  for (const auto& [id, pending] : pending_) {
    if (!pending.sent) waiting.push_back(id);
  }
  for (const auto id : waiting) send(id);
}

void Engine::ask(const std::string& url, std::chrono::milliseconds deadline, Done done) {
  http::Request request;
  request.url = kHost + url;
  request.deadline = deadline;
  client_.call(std::move(request), std::move(done));
}

/// Asks it who it is.
void Engine::meet() {
  stage_ = Stage::kMeeting;
  ask("/_ping", options_.answer_max, [this](const http::Reply& reply) {
    if (!reply) return lost(reply.error().what);
    auto facts = read_ping(reply->headers);
    if (!facts) return lost(facts.error());
    ask_info(std::move(*facts));
  });
}

/// It is alive, but this is more than a sign of life: it may take as long as any other call.
void Engine::ask_info(Facts facts) {
  stage_ = Stage::kInfo;
  const auto url = "/v" + facts.api + "/info";
  auto told = [this, facts = std::move(facts)](const http::Reply& reply) mutable {
    if (!reply) return lost(reply.error().what);
    if (reply->status != 200)
      return lost("it tells nothing of itself: " + read_message(reply->body));
    if (auto read = read_info(reply->body, facts); !read) return lost(read.error());
    met(std::move(facts));
  };
  ask(url, options_.call_deadline, std::move(told));
}

void Engine::met(Facts facts) {
  stage_ = Stage::kIdle;
  facts_ = std::move(facts);
  backoff_ = options_.backoff_min;
  heard_ = Clock::now();
  const auto alive = std::weak_ptr(alive_);
  set_link(Link::kUp, {});
  if (!alive.expired()) send_waiting();
}

void Engine::lost(const std::string& why) {
  stage_ = Stage::kWaiting;
  const auto wait = std::uniform_int_distribution<long>(
      backoff_.count() / 2, static_cast<long>(backoff_.count()))(jitter_);
  backoff_ = std::min(backoff_ * 2, options_.backoff_max);
  retry_.expires_after(std::chrono::milliseconds(wait));
  retry_.async_wait([this, alive = std::weak_ptr(alive_)](auto error) {
    if (!error && !alive.expired() && stage_ == Stage::kWaiting) meet();
  });
  set_link(Link::kDown, why);
}

void Engine::meet_now() {
  if (stage_ != Stage::kWaiting) return;
  retry_.cancel();
  backoff_ = options_.backoff_min;
  meet();
}

void Engine::doubt(const std::string& why) {
  if (stage_ == Stage::kWaiting || is_meeting()) return;
  link_fault_ = why;
  meet();
}

void Engine::set_link(Link link, const std::string& why) {
  link_fault_ = why;
  if (link_ == link) return;
  link_ = link;
  if (on_link_) on_link_(link, why);
}

/// While calls are under way: a server that says nothing at all is asked for a sign of life.
void Engine::watch_silence() {
  silence_.expires_after(options_.answer_max);
  silence_.async_wait([this, alive = std::weak_ptr(alive_)](auto error) {
    if (error || alive.expired() || sent_ == 0) return;
    const auto silent = Clock::now() - std::max(heard_, busy_since_);
    if (silent >= options_.answer_max && takes_calls() && stage_ == Stage::kIdle) ping();
    watch_silence();
  });
}

void Engine::ping() {
  stage_ = Stage::kPing;
  ask("/_ping", options_.answer_max, [this](const http::Reply& reply) {
    if (stage_ != Stage::kPing) return;  // met anew meanwhile
    if (!reply) return lost("no answer");
    stage_ = Stage::kIdle;
    heard_ = Clock::now();
  });
}

}  // namespace mayfly::docker
