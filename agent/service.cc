#include "agent/service.h"

#include <array>
#include <cstdio>
#include <utility>

#include "agent/control/tally.h"
#include "systemd/notify.h"

namespace mayfly::agent {
namespace {

/// A line of status is at least so old when the next is sent.
constexpr std::chrono::seconds kStatusInterval{1};

std::string counted(std::size_t count, const std::string& thing) {
  return std::to_string(count) + " " + thing + (count == 1 ? "" : "s");
}

/// One decimal where it says more than noise.
std::string rate_text(double per_second) {
  if (per_second < 0.05) return "0";
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.*f", per_second < 10 ? 1 : 0, per_second);
  return text.data();
}

std::string runtime_text(const core::Model& model) {
  if (!model.runtime_up) return "does not answer: " + model.runtime_fault;
  return model.adopted ? "answers" : "is asked which workers there are";
}

}  // namespace

ServiceStatus service_status(const core::Model& model, const Evidence& evidence,
                             const std::string& runtime, core::Time now) {
  ServiceStatus status;
  status.pools = model.pools.size();
  for (const auto& [pool, tally] : control::tally_pools(model)) status.workers += tally.running;
  for (const auto& [pool, seen] : evidence.pools()) {
    status.respawns_per_s += seen.respawns.per_second(now);
  }
  status.runtime = runtime + " " + runtime_text(model);
  return status;
}

std::string to_string(const ServiceStatus& status) {
  return counted(status.pools, "pool") + ", " + counted(status.workers, "worker") + ", " +
         rate_text(status.respawns_per_s) + " respawns/s; runtime " + status.runtime;
}

Service::Service(boost::asio::io_context& context, Hooks hooks)
    : hooks_(std::move(hooks)),
      watchdog_timer_(context),
      status_timer_(context),
      watchdog_period_(systemd::watchdog_period()),
      notified_(systemd::notified()) {}

void Service::ready(const std::string& remark) {
  remark_ = remark;
  status_sent_ = status_text(hooks_.status());
  systemd::notify_ready(status_sent_);
  if (std::exchange(state_, State::kReady) == State::kStarting && watchdog_period_) ask_for_turns();
}

void Service::reloading() {
  systemd::notify_reloading();
}

void Service::stopping() {
  state_ = State::kStopping;
  watchdog_timer_.cancel();
  status_timer_.cancel();
  systemd::notify_stopping("stopping; workers go on running");
}

void Service::settled() {
  if (state_ != State::kReady) return;
  if (std::exchange(feed_due_, false)) systemd::feed_watchdog();
  if (notified_ && !status_watched_) watch_status();
}

void Service::ask_for_turns() {
  watchdog_timer_.expires_after(*watchdog_period_ / 2);
  watchdog_timer_.async_wait([this](const boost::system::error_code& error) {
    if (error || state_ == State::kStopping) return;
    feed_due_ = true;
    hooks_.ask_turn();
    ask_for_turns();
  });
}

/// What a turn changed is told a while after it, with all that changed since; without turns, no
/// timer runs.
void Service::watch_status() {
  status_watched_ = true;
  status_timer_.expires_after(kStatusInterval);
  status_timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error && state_ == State::kReady) refresh_status();
  });
}

void Service::refresh_status() {
  status_watched_ = false;
  const ServiceStatus status = hooks_.status();
  std::string text = status_text(status);
  if (text != status_sent_) {
    systemd::notify_status(text);
    status_sent_ = std::move(text);
  }
  // The rate falls by itself, without a turn.
  if (rate_text(status.respawns_per_s) != "0") watch_status();
}

std::string Service::status_text(const ServiceStatus& status) const {
  return to_string(status) + (remark_.empty() ? "" : "; " + remark_);
}

}  // namespace mayfly::agent
