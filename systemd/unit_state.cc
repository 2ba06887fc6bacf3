#include "systemd/unit_state.h"

#include <cctype>
#include <string_view>
#include <utility>

namespace mayfly::systemd {
namespace {

constexpr const char* kSystemd = "org.freedesktop.systemd1";
constexpr const char* kUnit = "org.freedesktop.systemd1.Unit";
constexpr std::array kProperties{"LoadState", "ActiveState", "SubState", "Result"};
constexpr std::size_t kResult = 3;

/// Of the kind of unit, which has the result of its last run.
std::string interface_of(const std::string& unit) {
  return unit.ends_with(".socket") ? "org.freedesktop.systemd1.Socket"
                                   : "org.freedesktop.systemd1.Service";
}

Call property_of(const std::string& unit, std::size_t index) {
  const std::string interface = index == kResult ? interface_of(unit) : kUnit;
  return get_property({kSystemd, unit_path(unit), interface, ""}, kProperties.at(index));
}

}  // namespace

bool is_active(const UnitStatus& status) {
  return status.active == "active" || status.active == "reloading";
}

std::string why_not_active(const std::string& unit, const UnitStatus& status) {
  if (status.active.empty() || is_active(status)) return "";
  const bool well = status.result.empty() || status.result == "success";
  if (status.load == "not-found") return unit + " is not installed";
  if (status.active == "failed") return unit + " failed: " + status.result;
  if (status.active == "deactivating") return unit + " is stopping";
  if (status.active == "activating") {
    if (well && status.sub != "auto-restart") return unit + " is starting";
    return unit + " is restarting" + (well ? "" : " after: " + status.result);
  }
  return unit + " is stopped (by an operator)";
}

/// As systemd itself does it: what is not a letter or a digit becomes _ and its code, and so does a
/// digit in the first place.
std::string unit_path(const std::string& unit) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string path = "/org/freedesktop/systemd1/unit/";
  for (std::size_t i = 0; i < unit.size(); ++i) {
    const auto each = static_cast<unsigned char>(unit[i]);
    const bool plain = each < 128 && (i == 0 ? std::isalpha(each) : std::isalnum(each)) != 0;
    if (plain) {
      path += unit[i];
    } else {
      path += {'_', kDigits[each >> 4U], kDigits[each & 15U]};
    }
  }
  return path;
}

UnitState::UnitState(Bus& bus, std::string unit, OnChange on_change)
    : bus_(bus), unit_(std::move(unit)), on_change_(std::move(on_change)) {
  bus.watch({kSystemd, unit_path(unit_), "org.freedesktop.DBus.Properties", "PropertiesChanged"},
            [this] { look(); });
  bus.watch(owner_of(kSystemd), [this] { bus_connected(); });
  bus.add(*this);
}

void UnitState::bus_connected() {
  // systemd says nothing of its units unless someone has asked for it.
  bus_.call(
      {kSystemd, "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager", "Subscribe"},
      [](const Reply&) {});
  look();
}

void UnitState::bus_lost() {
  looking_ = false;
  look_again_ = false;
}

void UnitState::look() {
  if (std::exchange(looking_, true)) {
    look_again_ = true;
    return;
  }
  seen_ = {};
  ask(0);
}

void UnitState::ask(std::size_t index) {
  bus_.call(property_of(unit_, index), [this, index](Reply reply) {
    if (auto* text = reply ? std::get_if<std::string>(&*reply) : nullptr) {
      seen_.at(index) = std::move(*text);
    }
    if (index + 1 < kProperties.size()) return ask(index + 1);
    learned();
  });
}

void UnitState::learned() {
  looking_ = false;
  UnitStatus now{seen_[0], seen_[1], seen_[2], seen_[3]};
  if (now != std::exchange(status_, now)) on_change_(status_);
  if (std::exchange(look_again_, false)) look();
}

}  // namespace mayfly::systemd
