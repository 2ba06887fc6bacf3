#include "agent/loop.h"

#include <boost/asio/post.hpp>
#include <utility>

#include "agent/clock.h"

namespace mayfly::agent {

Loop::Loop(boost::asio::io_context& context, Inbox& inbox, Step step)
    : context_(context), inbox_(inbox), step_(std::move(step)), timer_(context) {}

void Loop::start() {
  inbox_.on_first([this] { ask_turn(); });
  ask_turn();
}

void Loop::ask_turn() {
  if (std::exchange(asked_, true)) return;
  boost::asio::post(context_, [this] { turn(); });
}

void Loop::turn() {
  asked_ = false;
  const core::Time wake_at = step_(inbox_.take());
  arm(wake_at);
  if (settled_ && !asked_ && wake_at > monotonic_now()) settled_();
}

void Loop::arm(core::Time wake_at) {
  if (wake_at == armed_for_) return;
  armed_for_ = wake_at;
  if (wake_at == core::kNever) {
    timer_.cancel();
    return;
  }
  timer_.expires_at(std::chrono::steady_clock::time_point(wake_at.time_since_epoch()));
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    armed_for_ = core::kNever;
    ask_turn();
  });
}

}  // namespace mayfly::agent
