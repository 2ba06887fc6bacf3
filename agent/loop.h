// When the core is stepped: once for each batch of the inbox, and when the step before said so.
// Everything else on the loop only posts to the inbox. Refuses to know what a step does.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <vector>

#include "agent/core/event.h"
#include "agent/inbox.h"

namespace mayfly::agent {

class Loop {
 public:
  /// Steps the core with the batch and carries out what it decides; when to step again at the
  /// latest.
  using Step = std::function<core::Time(std::vector<core::Event>)>;

  /// `inbox` outlives this.
  Loop(boost::asio::io_context& context, Inbox& inbox, Step step);

  /// Called after each turn that made progress: its step came back, and left nothing that is due at
  /// once, neither an event nor a deadline. One that only asks for the next has made none.
  void on_settled(std::function<void()> settled) { settled_ = std::move(settled); }

  /// The first turn, and all that follow from it.
  void start();
  /// A turn soon, whether or not there is an event for it.
  void ask_turn();

 private:
  void turn();
  void arm(core::Time wake_at);

  boost::asio::io_context& context_;
  Inbox& inbox_;
  Step step_;
  std::function<void()> settled_;
  boost::asio::steady_timer timer_;
  core::Time armed_for_ = core::kNever;
  bool asked_ = false;
};

}  // namespace mayfly::agent
