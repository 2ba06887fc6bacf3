// One turn: read the inbox, step the core, dispatch, arm one timer. Everything else on the loop
// only posts to the inbox.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <functional>

#include "agent/core/core.h"
#include "agent/dispatch.h"
#include "agent/inbox.h"

namespace mayfly::agent {

class Loop {
 public:
  using Observe = std::function<void(const core::Decision&)>;

  struct Parts {
    core::Core& core;
    Inbox& inbox;
    Dispatch& dispatch;
  };
  /// `observe` is called after each turn's actions are out. All outlive this.
  Loop(boost::asio::io_context& context, Parts parts, Observe observe);

  /// The first turn, and all that follow from it.
  void start();
  [[nodiscard]] std::uint64_t turns() const { return turns_; }

 private:
  void turn();
  void schedule();
  void arm(core::Time wake_at);

  boost::asio::io_context& context_;
  Parts parts_;
  Observe observe_;
  boost::asio::steady_timer timer_;
  core::Time armed_for_ = core::kNever;
  bool scheduled_ = false;
  std::uint64_t turns_ = 0;
};

}  // namespace mayfly::agent
