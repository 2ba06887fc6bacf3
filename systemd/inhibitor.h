// Keeps the host from going down before we are done: a delay lock of logind, and what logind says
// of a shutdown. Knows nothing of what is done meanwhile. Without logind it is quietly off.
//
// logind waits for the lock's holders for InhibitDelayMaxSec (5 s unless logind.conf says more),
// and no longer.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "systemd/bus.h"

namespace mayfly::systemd {

class Inhibitor final : public BusClient {
 public:
  using Clock = std::chrono::steady_clock;

  struct Hooks {
    std::function<void(Clock::time_point until)> shutdown_began;  ///< logind waits no longer
    std::function<void()> shutdown_cancelled;
    std::function<void(const std::string& why)> refused;  ///< there is no lock, for now
  };

  /// REQUIRES: before bus.start(); both outlive this.
  Inhibitor(boost::asio::io_context& loop, Bus& bus, Hooks hooks);

  /// The host may go down as far as we are concerned: gives the lock up until a shutdown that is
  /// under way has been cancelled.
  void let_go();

  [[nodiscard]] bool is_held() const { return static_cast<bool>(lock_); }

 private:
  void bus_connected() override;
  void bus_lost() override;

  void logind_changed();
  void look();
  void ask_whether();
  void looked(const Reply& preparing);
  void judge(bool preparing);
  void take();
  void taken(Reply reply);
  void try_later(const Failure& failure);

  Bus& bus_;
  Hooks hooks_;
  boost::asio::steady_timer retry_;
  std::chrono::seconds wait_;
  std::chrono::microseconds delay_max_;
  Clock::time_point hinted_{};
  bool looking_ = false;
  bool look_again_ = false;
  bool taking_ = false;
  bool stale_ = false;      ///< the lock may be one that this logind does not know
  bool preparing_ = false;  ///< the host goes down
  bool let_go_ = false;     ///< and need not wait for us
  Descriptor lock_;
  std::shared_ptr<char> alive_;  ///< Asio runs handlers of cancelled timers after we are gone
};

}  // namespace mayfly::systemd
