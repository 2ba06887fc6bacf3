// What systemd says of one unit, kept up to date. Without systemd nothing is ever said.
#pragma once

#include <array>
#include <functional>
#include <string>

#include "systemd/bus.h"

namespace mayfly::systemd {

/// In systemd's own words; all empty: not known.
struct UnitStatus {
  std::string load;    ///< loaded, not-found, masked, …
  std::string active;  ///< active, inactive, failed, activating, deactivating, reloading
  std::string sub;     ///< running, dead, auto-restart, …
  std::string result;  ///< of its last run: success, exit-code, signal, oom-kill, …
  bool operator==(const UnitStatus&) const = default;
};

[[nodiscard]] bool is_active(const UnitStatus& status);

/// Why the unit does not serve: "containerd.service failed: exit-code". "": it does, or nobody
/// knows.
[[nodiscard]] std::string why_not_active(const std::string& unit, const UnitStatus& status);

/// Where systemd keeps the unit on the bus.
[[nodiscard]] std::string unit_path(const std::string& unit);

class UnitState final : public BusClient {
 public:
  using OnChange = std::function<void(const UnitStatus&)>;

  /// `unit`: a service or a socket. REQUIRES: before bus.start(), which outlives this.
  UnitState(Bus& bus, std::string unit, OnChange on_change);

 private:
  void bus_connected() override;
  void bus_lost() override;

  void look();
  void ask(std::size_t index);
  void learned();

  Bus& bus_;
  std::string unit_;
  OnChange on_change_;
  UnitStatus status_;
  std::array<std::string, 4> seen_;  ///< what is being asked for, in the order of kProperties
  bool looking_ = false;
  bool look_again_ = false;
};

}  // namespace mayfly::systemd
