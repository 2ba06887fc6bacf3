// What the service manager is told of this daemon: that it is ready, reloads and stops, a line of
// status, and that its loop works. Quietly nothing where nobody asks. Knows timers and sd_notify;
// what the daemon does it is told.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>

#include "agent/core/model.h"
#include "agent/evidence.h"

namespace mayfly::agent {

/// What the line of status says.
struct ServiceStatus {
  std::size_t pools = 0;
  std::size_t workers = 0;  ///< running ones
  double respawns_per_s = 0;
  std::string runtime;  ///< how it is: "containerd answers"
};

[[nodiscard]] ServiceStatus service_status(const core::Model& model, const Evidence& evidence,
                                           const std::string& runtime, core::Time now);

/// "5 pools, 120 workers, 14 respawns/s; runtime containerd answers"
[[nodiscard]] std::string to_string(const ServiceStatus& status);

class Service {
 public:
  struct Hooks {
    std::function<void()> ask_turn;         ///< of the loop, soon
    std::function<ServiceStatus()> status;  ///< as of now
  };

  Service(boost::asio::io_context& context, Hooks hooks);

  /// `remark` stands behind the status until the next of these. From the first on, the watchdog is
  /// fed and the status kept true.
  void ready(const std::string& remark = "");
  void reloading();
  void stopping();

  /// The loop made progress. The watchdog is fed here and nowhere else: its timer only asks for a
  /// turn, so that a loop that hangs, or spins without coming to rest, starves it.
  void settled();

 private:
  enum class State { kStarting, kReady, kStopping };

  void ask_for_turns();
  void watch_status();
  void refresh_status();
  [[nodiscard]] std::string status_text(const ServiceStatus& status) const;

  Hooks hooks_;
  boost::asio::steady_timer watchdog_timer_;
  boost::asio::steady_timer status_timer_;
  std::optional<std::chrono::microseconds> watchdog_period_;
  bool notified_ = false;  ///< somebody wants to know
  State state_ = State::kStarting;
  bool feed_due_ = false;
  bool status_watched_ = false;
  std::string remark_;
  std::string status_sent_;
};

}  // namespace mayfly::agent
