#include "agent/store/database.h"

namespace mayfly::store {
namespace {

bool is_damage(int code) {
  const int kind = code & 0xff;  // without the extension
  return kind == SQLITE_CORRUPT || kind == SQLITE_NOTADB;
}

}  // namespace

tl::expected<Database, Failure> Database::open(const std::filesystem::path& file) {
  static constexpr int kFlags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
                                SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_PRIVATECACHE;
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(file.c_str(), &handle, kFlags, nullptr);
  Database database{handle};  // there is a handle to be closed even after a failure
  if (code != SQLITE_OK) return tl::unexpected(Failure{is_damage(code), sqlite3_errstr(code)});
  return database;
}

tl::expected<void, Failure> Database::run(const std::string& sql) {
  if (sqlite3_exec(handle(), sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK) return {};
  return tl::unexpected(failure());
}

tl::expected<std::int64_t, Failure> Database::number(const std::string& sql) {
  Statement statement{*this, sql};
  if (statement.step() == Statement::Step::kRow) return statement.integer(0);
  return tl::unexpected(failure());
}

Failure Database::failure() const {
  return {is_damage(sqlite3_extended_errcode(handle())), sqlite3_errmsg(handle())};
}

Statement::Statement(const Database& database, std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  sqlite3_prepare_v3(database.handle(), sql.data(), static_cast<int>(sql.size()),
                     SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  statement_.reset(statement);
}

void Statement::bind(int index, std::int64_t value) {
  sqlite3_bind_int64(statement_.get(), index + 1, value);
}

void Statement::bind(int index, const std::optional<std::int64_t>& value) {
  if (value) {
    bind(index, *value);
  } else {
    sqlite3_bind_null(statement_.get(), index + 1);
  }
}

void Statement::bind(int index, std::string_view text) {
  // A null pointer would bind NULL, and an empty view may hold one.
  const char* data = text.empty() ? "" : text.data();
  sqlite3_bind_text64(statement_.get(), index + 1, data, text.size(), SQLITE_TRANSIENT,
                      SQLITE_UTF8);
}

void Statement::bind_blob(int index, std::string_view bytes) {
  const char* data = bytes.empty() ? "" : bytes.data();
  sqlite3_bind_blob64(statement_.get(), index + 1, data, bytes.size(), SQLITE_TRANSIENT);
}

Statement::Step Statement::step() {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return Step::kRow;
  sqlite3_reset(statement_.get());
  return code == SQLITE_DONE ? Step::kDone : Step::kFailed;
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

std::optional<std::int64_t> Statement::optional_integer(int column) const {
  if (sqlite3_column_type(statement_.get(), column) == SQLITE_NULL) return std::nullopt;
  return integer(column);
}

std::string Statement::text(int column) const {
  const void* data = sqlite3_column_blob(statement_.get(), column);
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column));
  return data == nullptr ? std::string{} : std::string{static_cast<const char*>(data), size};
}

}  // namespace mayfly::store
