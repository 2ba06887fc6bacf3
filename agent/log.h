// Structured logs: a message and fields, to the journal when it listens on our stderr, else to
// stderr as `level message key=value`. The one seam to spdlog and to the journal.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mayfly::agent::log {

enum class Level { kDebug, kInfo, kWarning, kError };

/// A key and its value. One without a value does not apply, and is left out.
using Field = std::pair<std::string_view, std::string_view>;
using Fields = std::initializer_list<Field>;

/// What is said. By its id (message_ids.h), where it has one, it is found in the journal.
struct Message {
  Message(const char* said) : text(said) {}
  Message(const std::string& said) : text(said) {}
  Message(std::string_view said, std::string_view its_id) : text(said), id(its_id) {}

  std::string_view text;
  std::string_view id;
};

/// `level`: debug | info | warning | error. Once at start, and again on reload.
void configure(std::string_view level);

[[nodiscard]] bool enabled(Level level);
void write(Level level, const Message& message, Fields fields = {});

/// What an entry of the journal is made of: MESSAGE=…, MESSAGE_ID=…, PRIORITY=…, and each field as
/// MAYFLY_KEY=….
[[nodiscard]] std::vector<std::string> journal_entry(Level level, const Message& message,
                                                     Fields fields);

inline void debug(const Message& message, Fields fields = {}) {
  write(Level::kDebug, message, fields);
}
inline void info(const Message& message, Fields fields = {}) {
  write(Level::kInfo, message, fields);
}
inline void warning(const Message& message, Fields fields = {}) {
  write(Level::kWarning, message, fields);
}
inline void error(const Message& message, Fields fields = {}) {
  write(Level::kError, message, fields);
}

}  // namespace mayfly::agent::log
