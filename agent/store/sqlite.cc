#include "agent/store/sqlite.h"

#include <sqlite3.h>

namespace mayfly::store {

Statement::Statement(sqlite3* connection, const char* sql) {
  ok_ = sqlite3_prepare_v2(connection, sql, -1, &statement_, nullptr) == SQLITE_OK;
}

Statement::~Statement() {
  sqlite3_finalize(statement_);
}

Statement& Statement::bind(int index, const std::string& text) {
  const auto size = static_cast<int>(text.size());
  ok_ =
      sqlite3_bind_text(statement_, index, text.data(), size, SQLITE_TRANSIENT) == SQLITE_OK && ok_;
  return *this;
}

Statement& Statement::bind(int index, std::int64_t number) {
  ok_ = sqlite3_bind_int64(statement_, index, number) == SQLITE_OK && ok_;
  return *this;
}

Statement& Statement::bind(int index, const std::optional<std::int64_t>& number) {
  if (number) return bind(index, *number);
  ok_ = sqlite3_bind_null(statement_, index) == SQLITE_OK && ok_;
  return *this;
}

bool Statement::step() {
  if (!ok_) return false;
  const int result = sqlite3_step(statement_);
  ok_ = result == SQLITE_ROW || result == SQLITE_DONE;
  return result == SQLITE_ROW;
}

bool Statement::run() {
  while (step()) {
  }
  const bool done = ok_;
  sqlite3_reset(statement_);
  return done;
}

std::string Statement::text(int column) const {
  const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  if (bytes == nullptr) return {};
  return {bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

std::int64_t Statement::number(int column) const {
  return sqlite3_column_int64(statement_, column);
}

std::optional<std::int64_t> Statement::optional(int column) const {
  if (sqlite3_column_type(statement_, column) == SQLITE_NULL) return std::nullopt;
  return number(column);
}

void CloseConnection::operator()(sqlite3* connection) const {
  sqlite3_close_v2(connection);
}

Connection open_connection(const std::string& path, std::string& error) {
  sqlite3* raw = nullptr;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
  const int result = sqlite3_open_v2(path.c_str(), &raw, flags, nullptr);
  Connection connection(raw);
  if (result == SQLITE_OK) return connection;
  error = raw != nullptr ? sqlite3_errmsg(raw) : "out of memory";
  return nullptr;
}

bool execute(sqlite3* connection, const char* sql) {
  return sqlite3_exec(connection, sql, nullptr, nullptr, nullptr) == SQLITE_OK;
}

std::string last_error(sqlite3* connection) {
  return sqlite3_errmsg(connection);
}

}  // namespace mayfly::store
