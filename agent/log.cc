#include "agent/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#define SD_JOURNAL_SUPPRESS_LOCATION  // it would be this file, always
#include <systemd/sd-journal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>

namespace mayfly::agent::log {
namespace {

spdlog::level::level_enum to_spdlog(Level level) {
  switch (level) {
    case Level::kDebug:
      return spdlog::level::debug;
    case Level::kInfo:
      return spdlog::level::info;
    case Level::kWarning:
      return spdlog::level::warn;
    case Level::kError:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

int priority(Level level) {
  switch (level) {
    case Level::kDebug:
      return 7;
    case Level::kInfo:
      return 6;
    case Level::kWarning:
      return 4;
    case Level::kError:
      return 3;
  }
  return 6;
}

/// True when stderr is the journal's stream, as systemd says in JOURNAL_STREAM=device:inode.
bool stderr_is_journal() {
  const char* stream = std::getenv("JOURNAL_STREAM");
  if (stream == nullptr) return false;
  struct stat status {};
  if (fstat(STDERR_FILENO, &status) != 0) return false;
  return std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino) == stream;
}

bool& to_journal() {
  static bool journal = stderr_is_journal();
  return journal;
}

/// "pool" → MAYFLY_POOL=….
std::string journal_field(std::string_view key, std::string_view value) {
  std::string field = "MAYFLY_";
  for (const char c : key) {
    field += static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  }
  field += '=';
  field += value;
  return field;
}

void write_journal(std::vector<std::string> entry) {
  std::vector<iovec> parts;
  parts.reserve(entry.size());
  for (std::string& text : entry) parts.push_back({text.data(), text.size()});
  sd_journal_sendv(parts.data(), static_cast<int>(parts.size()));
}

bool needs_quotes(std::string_view value) {
  return value.find_first_of(" \"\n\t=") != std::string_view::npos;
}

/// Workers' and clients' text ends up here: control characters never reach the terminal.
void append_value(std::string& line, std::string_view value) {
  const bool quotes = needs_quotes(value);
  if (quotes) line += '"';
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      line += '\\';
      line += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      line += ' ';
    } else {
      line += c;
    }
  }
  if (quotes) line += '"';
}

}  // namespace

void configure(std::string_view level) {
  if (!spdlog::get("mayflyd")) {
    auto logger = std::make_shared<spdlog::logger>(
        "mayflyd", std::make_shared<spdlog::sinks::stderr_sink_st>());
    logger->set_pattern("%Y-%m-%dT%H:%M:%S.%e %^%l%$ %v");
    spdlog::register_logger(logger);
    spdlog::set_default_logger(logger);
  }
  spdlog::set_level(spdlog::level::from_str(std::string(level)));
}

bool enabled(Level level) {
  return spdlog::should_log(to_spdlog(level));
}

std::vector<std::string> journal_entry(Level level, const Message& message, Fields fields) {
  std::vector<std::string> entry;
  entry.reserve(fields.size() + 4);
  entry.push_back("SYSLOG_IDENTIFIER=mayflyd");
  entry.push_back("PRIORITY=" + std::to_string(priority(level)));
  entry.push_back("MESSAGE=" + std::string(message.text));
  if (!message.id.empty()) entry.push_back("MESSAGE_ID=" + std::string(message.id));
  for (const auto& [key, value] : fields) {
    if (!value.empty()) entry.push_back(journal_field(key, value));
  }
  return entry;
}

void write(Level level, const Message& message, Fields fields) {
  if (!enabled(level)) return;
  if (to_journal()) {
    write_journal(journal_entry(level, message, fields));
    return;
  }
  std::string line(message.text);
  for (const auto& [key, value] : fields) {
    if (value.empty()) continue;
    line += ' ';
    line += key;
    line += '=';
    append_value(line, value);
  }
  spdlog::log(to_spdlog(level), "{}", line);
}

}  // namespace mayfly::agent::log
