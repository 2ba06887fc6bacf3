// The one seam to SQLite: a connection and its statements, closed by their owners.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

struct sqlite3;
struct sqlite3_stmt;

namespace mayfly::store {

/// A prepared statement. Parameters and columns count from 1 and 0, as in SQLite. A failed step or
/// bind is remembered; `ok` tells.
class Statement {
 public:
  Statement(sqlite3* connection, const char* sql);
  ~Statement();
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  Statement& bind(int index, const std::string& text);
  Statement& bind(int index, std::int64_t number);
  Statement& bind(int index, const std::optional<std::int64_t>& number);

  /// True: a row is there. False: done, or failed.
  bool step();
  /// Runs to the end, and is ready to be bound again. False: it failed.
  bool run();
  [[nodiscard]] bool ok() const { return ok_; }

  [[nodiscard]] std::string text(int column) const;
  [[nodiscard]] std::int64_t number(int column) const;
  [[nodiscard]] std::optional<std::int64_t> optional(int column) const;

 private:
  sqlite3_stmt* statement_ = nullptr;
  bool ok_ = false;
};

/// Closes with sqlite3_close_v2.
struct CloseConnection {
  void operator()(sqlite3* connection) const;
};
using Connection = std::unique_ptr<sqlite3, CloseConnection>;

/// Opens or creates; nullptr and `error` on failure.
[[nodiscard]] Connection open_connection(const std::string& path, std::string& error);

/// Runs several statements. False on failure.
bool execute(sqlite3* connection, const char* sql);
[[nodiscard]] std::string last_error(sqlite3* connection);

}  // namespace mayfly::store
