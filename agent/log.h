// Structured logs: a message and fields, to the journal when it listens on our stderr, else to
// stderr as `level message key=value`. The one seam to spdlog.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace mayfly::agent::log {

enum class Level { kDebug, kInfo, kWarning, kError };

using Field = std::pair<std::string_view, std::string_view>;
using Fields = std::initializer_list<Field>;

/// `level`: debug | info | warning | error. Once at start, and again on reload.
void configure(std::string_view level);

[[nodiscard]] bool enabled(Level level);
void write(Level level, std::string_view message, Fields fields = {});

inline void debug(std::string_view message, Fields fields = {}) {
  write(Level::kDebug, message, fields);
}
inline void info(std::string_view message, Fields fields = {}) {
  write(Level::kInfo, message, fields);
}
inline void warning(std::string_view message, Fields fields = {}) {
  write(Level::kWarning, message, fields);
}
inline void error(std::string_view message, Fields fields = {}) {
  write(Level::kError, message, fields);
}

}  // namespace mayfly::agent::log
