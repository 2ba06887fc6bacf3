#include "agent/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

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

/// "encode-1" → MAYFLY_POOL style: upper case, prefixed.
std::string journal_field(std::string_view key, std::string_view value) {
  std::string field = "MAYFLY_";
  for (const char c : key) {
    field += static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  }
  field += '=';
  field += value;
  return field;
}

void write_journal(Level level, std::string_view message, Fields fields) {
  std::vector<std::string> texts;
  texts.reserve(fields.size() + 2);
  texts.push_back("PRIORITY=" + std::to_string(priority(level)));
  texts.push_back("MESSAGE=" + std::string(message));
  for (const auto& [key, value] : fields) texts.push_back(journal_field(key, value));
  std::vector<iovec> parts;
  parts.reserve(texts.size());
  for (std::string& text : texts) parts.push_back({text.data(), text.size()});
  sd_journal_sendv(parts.data(), static_cast<int>(parts.size()));
}

bool needs_quotes(std::string_view value) {
  return value.empty() || value.find_first_of(" \"\n\t=") != std::string_view::npos;
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

void write(Level level, std::string_view message, Fields fields) {
  if (!enabled(level)) return;
  if (to_journal()) {
    write_journal(level, message, fields);
    return;
  }
  std::string line(message);
  for (const auto& [key, value] : fields) {
    line += ' ';
    line += key;
    line += '=';
    append_value(line, value);
  }
  spdlog::log(to_spdlog(level), "{}", line);
}

}  // namespace mayfly::agent::log
