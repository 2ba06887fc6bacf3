// What is kept, as SQL: the schema and the reading and writing of rows. Runs on the store's thread
// (and once before it starts).
#pragma once

#include <string>
#include <vector>

#include "agent/store/sqlite.h"
#include "agent/store/store.h"

namespace mayfly::store {

class Tables {
 public:
  /// Takes the connection. REQUIRES: prepare() succeeded on it.
  explicit Tables(Connection connection);

  /// Makes or migrates the schema. Error: one line.
  [[nodiscard]] static tl::expected<void, std::string> prepare(sqlite3* connection);
  /// Counts this opening.
  [[nodiscard]] static tl::expected<Loaded, std::string> load(sqlite3* connection);

  bool begin();
  bool commit();  ///< false: nothing since begin() is written
  void rollback();

  bool insert_exit(const Exit& exit);
  [[nodiscard]] std::vector<Exit> select_exits(const ExitQuery& query);
  /// Removes at most `limit` of those beyond the bounds.
  bool trim_exits(std::int64_t ended_before_ms, std::uint32_t keep, std::uint32_t limit);
  bool put_desired(const Desired& desired);
  bool drop_desired(const std::string& pool);
  bool put_revision(const Revision& revision);
  bool drop_revisions(const std::string& pool);

 private:
  Connection connection_;
  Statement insert_exit_;
};

}  // namespace mayfly::store
