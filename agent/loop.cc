#include "agent/loop.h"

#include <boost/asio/post.hpp>
#include <utility>

#include "agent/clock.h"

namespace mayfly::agent {

Loop::Loop(boost::asio::io_context& context, Parts parts, Observe observe)
    : context_(context), parts_(parts), observe_(std::move(observe)), timer_(context) {}

void Loop::start() {
  parts_.inbox.on_first([this] { schedule(); });
  schedule();
}

void Loop::schedule() {
  if (std::exchange(scheduled_, true)) return;
  boost::asio::post(context_, [this] { turn(); });
}

void Loop::turn() {
  scheduled_ = false;
  ++turns_;
  parts_.dispatch.release(parts_.core.begin_step(monotonic_now(), parts_.inbox.take()));
  const core::Decision decision = parts_.core.finish_step();
  parts_.dispatch.perform(decision.actions);
  observe_(decision);
  arm(decision.wake_at);
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
    schedule();
  });
}

}  // namespace mayfly::agent
