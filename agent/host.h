// What the host's systemd has to say, for the core: that the host goes down and is held for our
// drain, and why the runtime is down. Decides nothing. Without D-Bus it only passes on what the
// driver says of the runtime.
#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>
#include <optional>
#include <string>

#include "agent/inbox.h"
#include "runtime/driver.h"
#include "systemd/bus.h"
#include "systemd/inhibitor.h"
#include "systemd/unit_state.h"

namespace mayfly::agent {

class Host {
 public:
  struct Parts {
    Inbox& inbox;
    runtime::Driver& driver;
  };

  /// `unit`: of the runtime; "": nobody is asked about it. The parts outlive this.
  Host(boost::asio::io_context& loop, Parts parts, std::string unit);

  void start();

  /// The host need not wait for us any longer.
  void let_go();

  /// As the driver says it; told to the core, with what systemd knows of it.
  void runtime_lost(const std::string& what);
  void runtime_found();

 private:
  void shutdown_began(systemd::Inhibitor::Clock::time_point until);
  void refused(const std::string& why);
  void unit_changed(const systemd::UnitStatus& status);
  void tell_loss();

  Parts parts_;
  std::string unit_;
  std::string refusal_;              ///< the last that was logged
  std::string explanation_;          ///< what the unit's state says of the loss; "": nothing
  std::optional<std::string> loss_;  ///< what the driver said, while the runtime is lost
  systemd::Bus bus_;
  systemd::Inhibitor inhibitor_;
  std::unique_ptr<systemd::UnitState> unit_state_;
};

}  // namespace mayfly::agent
