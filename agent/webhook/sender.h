// Tells somebody's server what happens on this node. What is worth telling and when it is tried
// again are pure (news.h, outbox.h); this asks, signs and sends, one event at a time, and holds
// nothing up: whatever the server does, the rest of the daemon goes on. Owned by the daemon; on the
// loop's thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "agent/control/operations.h"
#include "agent/core/core.h"
#include "agent/webhook/news.h"
#include "agent/webhook/outbox.h"
#include "config/webhook.h"
#include "runtime/http/client.h"

namespace mayfly::webhook {

class Sender {
 public:
  struct Parts {
    const core::Core& core;
    control::NodeStatus& node;  ///< what is said of the webhook is kept up to date here
  };
  struct Options {
    config::Webhook config;  ///< without a url, all of this does nothing
    std::uint64_t seed = 0;
    std::chrono::milliseconds deadline{5000};      ///< of one try
    std::chrono::milliseconds farewell_max{1000};  ///< what an end may take longer
  };

  /// All parts outlive this.
  Sender(boost::asio::io_context& loop, Parts parts, Options options);

  void start();
  /// To be called after each turn of the core's: there may be news.
  void observe();
  /// Says that the daemon ends, and calls `then`: at once where nothing can be sent, else when all
  /// is sent, one try has failed, or farewell_max is over.
  void close(std::function<void()> then);

 private:
  void look();
  void tell(const Event& event);
  void send();
  void answered(const http::Reply& reply);
  void settle(Outbox::Outcome outcome, const std::string& fault);
  void arm();
  void show();
  void depart();
  [[nodiscard]] http::Request request_with(const std::string& body,
                                           const std::string& secret) const;

  Parts parts_;
  Options options_;
  News news_;
  Outbox outbox_;
  std::uint64_t last_id_ = 0;
  std::string fault_;  ///< of the last try; "" = it was good
  bool has_looked_ = false;
  bool is_look_due_ = false;
  boost::asio::steady_timer look_timer_;
  boost::asio::steady_timer send_timer_;
  boost::asio::steady_timer farewell_timer_;
  std::function<void()> farewell_;
  std::shared_ptr<char> alive_ = std::make_shared<char>();
  std::optional<http::Client> client_;  ///< the first to go: its calls lead back here
};

}  // namespace mayfly::webhook
