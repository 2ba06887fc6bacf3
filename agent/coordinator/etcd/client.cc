#include "agent/coordinator/etcd/client.h"

#include <boost/asio/post.hpp>
#include <utility>

#include "runtime/files/read.h"

namespace mayfly::etcd {
namespace {

/// A page holds at most so many values of 1.5 MiB, which base64 makes 2 MiB.
constexpr std::int64_t kPageKeys = 8;
constexpr std::size_t kAnswerBytesMax = 24 << 20;
constexpr std::size_t kWaitingMax = 256;  ///< calls for a token
constexpr const char* kLoginPath = "/auth/authenticate";
/// After a hiccup not all nodes shall log in at once: etcd spends a bcrypt on each login.
constexpr int kTokenPatience = 4;  ///< deadlines without an answer

http::Client::Options http_options(const Client::Options& options) {
  http::Client::Options http;
  http.server.ca_file = options.ca_file;
  http.server.client_cert = options.cert_file;
  http.server.client_key = options.key_file;
  return http;
}

ErrorKind kind_of(const http::Failure& failure, Effect effect) {
  const bool may_be_done =
      effect == Effect::kWrites && failure.kind == http::Failure::Kind::kNoAnswer;
  return may_be_done ? ErrorKind::kUnknown : ErrorKind::kFailed;
}

/// From the body of an answer to the value.
template <class T>
std::function<void(Result<std::string>)> reading(Decoded<T> (*decode)(std::string_view),
                                                 Effect effect, Done<T> done) {
  return [decode, effect, done = std::move(done)](const Result<std::string>& body) {
    if (!body) return done(tl::unexpected(body.error()));
    auto value = decode(*body);
    if (value) return done(std::move(*value));
    const auto kind = effect == Effect::kWrites ? ErrorKind::kUnknown : ErrorKind::kFailed;
    done(tl::unexpected(Error{kind, kNoCode, "etcd's answer cannot be read: " + value.error()}));
  };
}

/// A lease is kept whatever the token is.
bool proves_token(std::string_view path) {
  return path.starts_with("/kv/");
}

}  // namespace

Client::Client(boost::asio::io_context& loop, Options options)
    : loop_(loop), options_(std::move(options)), http_(loop, http_options(options_)) {}

Client::~Client() = default;

void Client::range(const Range& range, Done<RangeAnswer> done) {
  constexpr auto kEffect = Effect::kNothing;
  call({"/kv/range", encode(range), kEffect, reading(decode_range, kEffect, std::move(done))});
}

void Client::put(const Put& put, Done<Header> done) {
  constexpr auto kEffect = Effect::kWrites;
  call({"/kv/put", encode(put), kEffect, reading(decode_header, kEffect, std::move(done))});
}

void Client::remove(const Delete& what, Done<DeleteAnswer> done) {
  constexpr auto kEffect = Effect::kWrites;
  call(
      {"/kv/deleterange", encode(what), kEffect, reading(decode_delete, kEffect, std::move(done))});
}

void Client::txn(const Txn& txn, Done<TxnAnswer> done) {
  constexpr auto kEffect = Effect::kWrites;
  call({"/kv/txn", encode(txn), kEffect, reading(decode_txn, kEffect, std::move(done))});
}

void Client::grant(std::int64_t ttl_s, Done<Lease> done) {
  constexpr auto kEffect = Effect::kWrites;
  call({"/lease/grant", encode_grant(ttl_s), kEffect,
        reading(decode_lease, kEffect, std::move(done))});
}

void Client::keep_alive(std::int64_t lease, Done<Lease> done) {
  constexpr auto kEffect = Effect::kNothing;  // once more does no harm
  call({"/lease/keepalive", encode_lease_id(lease), kEffect,
        reading(decode_keepalive, kEffect, std::move(done))});
}

void Client::revoke(std::int64_t lease, Done<Header> done) {
  constexpr auto kEffect = Effect::kWrites;
  call({"/lease/revoke", encode_lease_id(lease), kEffect,
        reading(decode_header, kEffect, std::move(done))});
}

void Client::time_to_live(std::int64_t lease, Done<Lease> done) {
  constexpr auto kEffect = Effect::kNothing;
  call({"/lease/timetolive", encode_lease_id(lease), kEffect,
        reading(decode_lease, kEffect, std::move(done))});
}

void Client::list(const Range& range, Done<RangeAnswer> done) {
  auto paging = std::make_shared<Paging>(Paging{range, {}, std::move(done)});
  paging->next.limit = kPageKeys;
  next_page(std::move(paging));
}

void Client::next_page(std::shared_ptr<Paging> paging) {
  const Range next = paging->next;
  range(next, [this, paging = std::move(paging)](Result<RangeAnswer> page) {
    if (!page) return paging->done(tl::unexpected(page.error()));
    RangeAnswer& gathered = paging->gathered;
    if (paging->next.revision == 0) {
      gathered.header = page->header;
      paging->next.revision = page->header.revision;
    }
    for (KeyValue& kv : page->kvs) gathered.kvs.push_back(std::move(kv));
    if (!page->more || page->kvs.empty()) return paging->done(std::move(gathered));
    if (gathered.kvs.size() >= kListKeysMax) {
      return paging->done(tl::unexpected(
          Error{ErrorKind::kRefused, kNoCode,
                "there are more than " + std::to_string(kListKeysMax) + " keys, the most listed"}));
    }
    paging->next.key = gathered.kvs.back().key + '\0';
    next_page(paging);
  });
}

void Client::call(Call call) {
  with_token([this, call = std::move(call)](const Result<void>& ready) mutable {
    if (!ready) return call.done(tl::unexpected(ready.error()));
    send(std::move(call));
  });
}

void Client::send(Call call) {
  ++call.tries;
  call.token = token_;
  auto request = request_to(call.path, call.body);
  const auto endpoint = current_;
  http_.call(std::move(request),
             [this, endpoint, call = std::move(call)](const http::Reply& reply) mutable {
               answered(std::move(call), endpoint, reply);
             });
}

http::Request Client::request_to(const std::string& path, const std::string& body) const {
  http::Request request;
  request.method = "POST";
  request.url = endpoint() + "/v3" + path;
  request.headers.emplace_back("Content-Type", "application/json");
  if (!token_.empty()) request.headers.emplace_back("Authorization", token_);
  request.body = body;
  request.deadline = options_.deadline;
  request.answer_bytes_max = kAnswerBytesMax;
  return request;
}

void Client::answered(Call call, std::size_t endpoint, const http::Reply& reply) {
  if (!reply) {
    next_endpoint(endpoint);
    if (reply.error().kind == http::Failure::Kind::kNoAnswer) left_unanswered(call);
    const Error error{kind_of(reply.error(), call.effect), kNoCode,
                      options_.endpoints[endpoint] + ": " + reply.error().what};
    return failed(std::move(call), error);
  }
  if (reply->status / 100 == 2) {
    if (proves_token(call.path)) proven_at_ = std::chrono::steady_clock::now();
    return call.done(reply->body);
  }
  const Error error = decode_error(reply->status, reply->body, call.effect);
  if (is_bad_token(error) && !options_.user.empty() && !call.logged_in_anew) {
    call.logged_in_anew = true;
    distrust_token_of(call);
    return this->call(std::move(call));
  }
  const bool is_out_of_order =
      error.kind == ErrorKind::kUnknown || error.kind == ErrorKind::kFailed;
  if (is_out_of_order) next_endpoint(endpoint);
  failed(std::move(call), error);
}

void Client::failed(Call call, const Error& error) {
  const bool may_go_on = error.kind == ErrorKind::kFailed;
  if (!may_go_on || call.tries >= options_.endpoints.size()) {
    return call.done(tl::unexpected(error));
  }
  if (call.path == kLoginPath) return send(std::move(call));
  this->call(std::move(call));
}

/// An etcd that was restored lets a token of before wait until its log is as long as the lost one.
void Client::left_unanswered(const Call& call) {
  const auto silence = std::chrono::steady_clock::now() - proven_at_;
  if (silence >= kTokenPatience * options_.deadline) distrust_token_of(call);
}

void Client::distrust_token_of(const Call& call) {
  if (call.token == token_) token_.clear();
}

void Client::next_endpoint(std::size_t after) {
  if (current_ == after) current_ = (current_ + 1) % options_.endpoints.size();
}

void Client::with_token(std::function<void(Result<void>)> then) {
  if (options_.user.empty() || !token_.empty()) return then({});
  if (waiting_.size() >= kWaitingMax) {
    boost::asio::post(loop_, [alive = std::weak_ptr(alive_), then = std::move(then)] {
      if (alive.expired()) return;
      then(tl::unexpected(Error{ErrorKind::kFailed, kNoCode, "too many calls wait for a login"}));
    });
    return;
  }
  waiting_.push_back(std::move(then));
  if (!std::exchange(logging_in_, true)) log_in();
}

void Client::log_in() {
  const auto password = files::read_secret(options_.password_file);
  if (!password) {
    boost::asio::post(
        loop_, [this, alive = std::weak_ptr(alive_), what = "password_file " + password.error()] {
          if (!alive.expired()) {
            logged_in(tl::unexpected(Error{ErrorKind::kRefused, kNoCode, what}));
          }
        });
    return;
  }
  const auto read = [this](const Result<std::string>& token) {
    if (!token) return logged_in(tl::unexpected(token.error()));
    token_ = *token;
    proven_at_ = std::chrono::steady_clock::now();
    logged_in({});
  };
  // A token more does no harm: it is tried at each endpoint.
  send({kLoginPath, encode_login(options_.user, *password), Effect::kNothing,
        reading<std::string>(decode_token, Effect::kNothing, read), 0, true});
}

void Client::logged_in(Result<void> outcome) {
  logging_in_ = false;
  if (!outcome) outcome.error().what = "login as " + options_.user + ": " + outcome.error().what;
  const auto waiting = std::exchange(waiting_, {});
  const auto alive = std::weak_ptr(alive_);
  for (const auto& then : waiting) {
    if (!alive.expired()) then(outcome);
  }
}

WatchId Client::watch(const WatchRequest& request, WatchHandler handler) {
  const WatchId id{++last_watch_};
  watches_.emplace(id, std::make_unique<Watch>(loop_, std::move(handler)));
  with_token([this, id, request](const Result<void>& ready) {
    if (!ready) return end_watch(id, ready.error());
    start_watch(id, request);
  });
  return id;
}

void Client::start_watch(WatchId id, const WatchRequest& request) {
  const auto found = watches_.find(id);
  if (found == watches_.end()) return;
  http::Request http = request_to("/watch", encode(request));
  // Or a member that is cut off from the others would be silent.
  http.headers.emplace_back("Grpc-Metadata-hasleader", "true");
  http.deadline.reset();
  const auto endpoint = current_;
  const auto end = [this, id, endpoint](Error why) {
    next_endpoint(endpoint);
    end_watch(id, std::move(why));
  };
  Watch& watch = *found->second;
  watch.expect_beginning(options_.deadline, [end] {
    end({ErrorKind::kFailed, kNoCode, "the watch does not begin in time"});
  });
  watch.call = http_.stream(std::move(http),
                            {{},
                             [this, id](std::string_view piece) {
                               const auto watching = watches_.find(id);
                               if (watching == watches_.end()) return;
                               if (auto error = watching->second->take(piece))
                                 end_watch(id, std::move(*error));
                             }},
                            [this, id, end](const http::Reply& reply) {
                              if (!reply)
                                return end({ErrorKind::kFailed, kNoCode, reply.error().what});
                              if (reply->status / 100 == 2)
                                return end(watches_.at(id)->last_words());
                              end(decode_error(reply->status, reply->body, Effect::kNothing));
                            });
}

void Client::cancel(WatchId id) {
  const auto node = watches_.extract(id);
  if (node.empty()) return;
  if (node.mapped()->call) http_.cancel(*node.mapped()->call);
}

void Client::end_watch(WatchId id, Error why) {
  const auto found = watches_.find(id);
  if (found == watches_.end()) return;
  // A token that is no longer good makes a watch forbidden, and nothing says so.
  if (why.kind == ErrorKind::kRefused && !is_compacted(why)) token_.clear();
  const auto ended = found->second->handler().ended;
  cancel(id);
  ended(why);
}

}  // namespace mayfly::etcd
