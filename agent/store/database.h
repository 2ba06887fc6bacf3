// SQLite with owners: a connection, prepared statements, and failures as values. Knows no tables.
// Internal to agent/store.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace mayfly::store {

struct Failure {
  bool damaged = false;  ///< the file itself is bad, not the moment
  std::string what;
};

/// Used by one thread at a time.
class Database {
 public:
  [[nodiscard]] static tl::expected<Database, Failure> open(const std::filesystem::path& file);

  [[nodiscard]] tl::expected<void, Failure> run(const std::string& sql);
  /// The first column of the first row, a number.
  [[nodiscard]] tl::expected<std::int64_t, Failure> number(const std::string& sql);

  [[nodiscard]] Failure failure() const;  ///< of the latest call
  [[nodiscard]] sqlite3* handle() const { return handle_.get(); }

 private:
  struct Close {
    void operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
  };
  explicit Database(sqlite3* handle) : handle_(handle) {}

  std::unique_ptr<sqlite3, Close> handle_;
};

/// Prepared once, used often. Parameters and columns are counted from 0.
class Statement {
 public:
  /// REQUIRES: the tables that `sql` names are there; a statement that cannot be prepared fails at
  /// each step.
  Statement(const Database& database, std::string_view sql);

  void bind(int index, std::int64_t value);
  void bind(int index, const std::optional<std::int64_t>& value);
  void bind(int index, std::string_view text);  ///< copied
  void bind_blob(int index, std::string_view bytes);

  enum class Step : std::uint8_t { kRow, kDone, kFailed };
  /// After kDone and kFailed the statement is ready to be bound anew.
  [[nodiscard]] Step step();
  /// For a statement without rows: steps it to its end.
  [[nodiscard]] bool run() { return step() == Step::kDone; }

  [[nodiscard]] std::int64_t integer(int column) const;
  [[nodiscard]] std::optional<std::int64_t> optional_integer(int column) const;
  [[nodiscard]] std::string text(int column) const;  ///< of a text or a blob

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

}  // namespace mayfly::store
