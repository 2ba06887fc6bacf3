#include "systemd/notify.h"

#include <systemd/sd-daemon.h>
#include <time.h>

#include <cstdint>

namespace mayfly::systemd {
namespace {

void send(const std::string& text) {
  sd_notify(0, text.c_str());
}

std::string monotonic_us() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return std::to_string(now.tv_sec * 1'000'000 + now.tv_nsec / 1'000);
}

}  // namespace

void notify_ready(const std::string& status) {
  send("READY=1\nSTATUS=" + status);
}

void notify_reloading() {
  send("RELOADING=1\nMONOTONIC_USEC=" + monotonic_us());
}

void notify_stopping() {
  send("STOPPING=1");
}

void notify_status(const std::string& status) {
  send("STATUS=" + status);
}

void feed_watchdog() {
  send("WATCHDOG=1");
}

std::optional<std::chrono::microseconds> watchdog_period() {
  std::uint64_t period_us = 0;
  if (sd_watchdog_enabled(0, &period_us) <= 0) return std::nullopt;
  return std::chrono::microseconds(period_us);
}

}  // namespace mayfly::systemd
