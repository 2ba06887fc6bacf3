#include "agent/webhook/sender.h"

#include <algorithm>
#include <utility>

#include "agent/clock.h"
#include "agent/log.h"
#include "runtime/files/read.h"

namespace mayfly::webhook {
namespace {

using namespace std::chrono_literals;
using Outcome = Outbox::Outcome;

constexpr auto kLookPause = 1s;  ///< from something that happens to the next look at all of it
constexpr std::size_t kAnswerBytesMax = 64 << 10;

/// Scheme, host and port: what else is in it may be somebody's secret.
std::string place_of(const std::string& url) {
  return url.substr(0, url.find_first_of("/?", url.find("://") + 3));
}

Outcome outcome_of(int status) {
  if (status / 100 == 2) return Outcome::kTaken;
  const bool is_passing = status / 100 == 5 || status == 408 || status == 425 || status == 429;
  return is_passing ? Outcome::kFailed : Outcome::kRefused;
}

std::string words_for(int status) {
  return "it answers " + std::to_string(status) +
         (status / 100 == 3 ? ", and redirects are not followed" : "");
}

}  // namespace

Sender::Sender(boost::asio::io_context& loop, Parts parts, Options options)
    : parts_(parts),
      options_(std::move(options)),
      outbox_(options_.seed),
      look_timer_(loop),
      send_timer_(loop),
      farewell_timer_(loop) {
  if (options_.config.url.empty()) return;
  http::Client::Options http;
  http.server.ca_file = options_.config.ca_file;
  http.calls_inflight_max = 1;
  client_.emplace(loop, std::move(http));
  show();
}

void Sender::start() {
  tell({config::WebhookEvent::kNodeStarted, "", {{"version", parts_.node.version}}, {}});
}

// ---- what there is to tell

void Sender::observe() {
  if (!client_) return;
  if (!std::exchange(has_looked_, true)) return look();
  if (std::exchange(is_look_due_, true)) return;
  look_timer_.expires_after(kLookPause);
  look_timer_.async_wait([this, alive = std::weak_ptr(alive_)](const auto& error) {
    if (error || alive.expired()) return;
    is_look_due_ = false;
    look();
  });
}

void Sender::look() {
  const core::Time now = agent::monotonic_now();
  const auto why = [this, now](const core::PoolName& pool, core::SlotIndex slot) {
    return parts_.core.why(now, pool, slot);
  };
  const auto& coordinator = parts_.node.coordinator;
  const View view{now, parts_.core.model(), why, coordinator ? coordinator->state : ""};
  for (const Event& event : news_.look(view)) tell(event);
}

void Sender::tell(const Event& event) {
  if (!client_) return;
  const auto& wanted = options_.config.events;
  const std::string_view word = config::kWebhookEvents.at(static_cast<std::size_t>(event.kind));
  const bool is_wanted =
      wanted.empty() || std::find(wanted.begin(), wanted.end(), word) != wanted.end();
  if (!is_wanted) return;
  const control::NodeStatus& node = parts_.node;
  const std::string id =
      node.instance + "-" + std::to_string(node.started_unix_ms) + "-" + std::to_string(++last_id_);
  outbox_.put({id, to_json(event, {node.node, id, agent::unix_ms_now()}), agent::monotonic_now()});
  show();
  send();
}

// ---- how it is told

void Sender::send() {
  const Letter* letter = outbox_.take(agent::monotonic_now());
  if (letter == nullptr) return arm();
  // Anew each time: it may be another one by now.
  const auto secret = files::read_secret(options_.config.secret_file);
  if (!secret) return settle(Outcome::kFailed, "secret_file " + secret.error());
  client_->call(request_with(letter->body, *secret),
                [this](const http::Reply& reply) { answered(reply); });
}

http::Request Sender::request_with(const std::string& body, const std::string& secret) const {
  http::Request request;
  request.method = "POST";
  request.url = options_.config.url;
  request.headers = {{"Content-Type", std::string(kContentType)},
                     {"User-Agent", "mayfly/" + parts_.node.version},
                     {"Mayfly-Signature", signature(secret, agent::unix_ms_now() / 1000, body)}};
  request.body = body;
  request.deadline = options_.deadline;
  request.answer_bytes_max = kAnswerBytesMax;
  return request;
}

void Sender::answered(const http::Reply& reply) {
  if (!reply) return settle(Outcome::kFailed, reply.error().what);
  const Outcome outcome = outcome_of(reply->status);
  settle(outcome, outcome == Outcome::kTaken ? "" : words_for(reply->status));
}

void Sender::settle(Outcome outcome, const std::string& fault) {
  outbox_.settle(outcome, agent::monotonic_now());
  const std::string before = std::exchange(fault_, fault);
  const std::string place = place_of(options_.config.url);
  if (!fault.empty() && fault != before) {
    agent::log::warning("events are not taken by the webhook", {{"url", place}, {"error", fault}});
  }
  if (fault.empty() && !before.empty()) {
    agent::log::info("events are taken by the webhook again", {{"url", place}});
  }
  show();
  if (farewell_ && (outbox_.is_empty() || outbox_.is_failing())) return depart();
  send();
}

void Sender::arm() {
  const core::Time due = outbox_.due();
  if (due == core::kNever) return;
  send_timer_.expires_at(std::chrono::steady_clock::time_point(due.time_since_epoch()));
  send_timer_.async_wait([this, alive = std::weak_ptr(alive_)](const auto& error) {
    if (!error && !alive.expired()) send();
  });
}

void Sender::show() {
  parts_.node.webhook = {.url = place_of(options_.config.url),
                         .fault = fault_,
                         .waiting = outbox_.waiting(),
                         .sent = outbox_.sent(),
                         .refused = outbox_.refused(),
                         .dropped = outbox_.dropped()};
}

// ---- the end

void Sender::close(std::function<void()> then) {
  tell({config::WebhookEvent::kNodeStopping, "", {}, {}});
  if (outbox_.is_empty() || outbox_.is_failing()) return then();
  farewell_ = std::move(then);
  farewell_timer_.expires_after(options_.farewell_max);
  farewell_timer_.async_wait([this, alive = std::weak_ptr(alive_)](const auto& error) {
    if (!error && !alive.expired()) depart();
  });
}

void Sender::depart() {
  if (const auto then = std::exchange(farewell_, nullptr)) then();
}

}  // namespace mayfly::webhook
