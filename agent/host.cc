#include "agent/host.h"

#include <utility>

#include "agent/log.h"

namespace mayfly::agent {

Host::Host(boost::asio::io_context& loop, Parts parts, std::string unit)
    : parts_(parts),
      unit_(std::move(unit)),
      bus_(loop),
      inhibitor_(loop, bus_,
                 {[this](auto until) { shutdown_began(until); },
                  [this] {
                    log::info("the host stays up: its shutdown was cancelled");
                    parts_.inbox.post(core::HostShutdownCancelled{});
                  },
                  [this](const std::string& why) { refused(why); }}) {
  if (unit_.empty()) return;
  unit_state_ = std::make_unique<systemd::UnitState>(
      bus_, unit_, [this](const systemd::UnitStatus& status) { unit_changed(status); });
}

void Host::start() {
  bus_.start([](const std::string& why) {
    log::info("no system bus: a shutdown of the host is not a drain", {{"reason", why}});
  });
}

void Host::let_go() {
  log::info("the host may go down");
  inhibitor_.let_go();
}

void Host::runtime_lost(const std::string& what) {
  loss_ = what;
  tell_loss();
}

void Host::runtime_found() {
  loss_.reset();
  parts_.inbox.post(core::RuntimeFound{});
}

void Host::shutdown_began(systemd::Inhibitor::Clock::time_point until) {
  log::info("the host goes down: the workers are drained");
  parts_.inbox.post(core::HostShutdownBegan{core::Time(until.time_since_epoch())});
}

/// Tried again and again; said once.
void Host::refused(const std::string& why) {
  if (why == std::exchange(refusal_, why)) return;
  log::info("logind gives no delay lock: a shutdown of the host may cut the drain",
            {{"reason", why}});
}

void Host::unit_changed(const systemd::UnitStatus& status) {
  const std::string before = std::exchange(explanation_, why_not_active(unit_, status));
  if (!loss_) return;
  if (before != explanation_) tell_loss();
  if (is_active(status)) parts_.driver.connect_now();
}

void Host::tell_loss() {
  const std::string& said = loss_.value();
  parts_.inbox.post(
      core::RuntimeLost{explanation_.empty() ? said : explanation_ + " (" + said + ")"});
}

}  // namespace mayfly::agent
