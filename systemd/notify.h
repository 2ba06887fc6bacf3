// Readiness, status and watchdog, as sd_notify(3) has them. Quietly nothing when nobody asks.
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace mayfly::systemd {

/// A service manager waits to hear from this process.
[[nodiscard]] bool notified();

/// A status is one line: what would break it is blanked out, what is too long is cut.
void notify_ready(const std::string& status);
void notify_reloading();
void notify_stopping(const std::string& status);
void notify_status(const std::string& status);
void feed_watchdog();

/// How often the watchdog wants to be fed at least; none when there is none.
[[nodiscard]] std::optional<std::chrono::microseconds> watchdog_period();

}  // namespace mayfly::systemd
