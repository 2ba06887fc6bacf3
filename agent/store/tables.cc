#include "agent/store/tables.h"

#include <sqlite3.h>
#include <sys/random.h>

#include <algorithm>
#include <cstdio>

namespace mayfly::store {
namespace {

constexpr std::int64_t kSchemaVersion = 1;
constexpr std::uint32_t kRowsMax = 10'000;

constexpr const char* kPragmas = R"(
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
PRAGMA busy_timeout = 5000;
PRAGMA journal_size_limit = 4194304;
)";

constexpr const char* kSchema = R"(
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE exits (
  number INTEGER PRIMARY KEY, worker TEXT NOT NULL UNIQUE, pool TEXT NOT NULL,
  revision INTEGER NOT NULL, slot INTEGER, class TEXT NOT NULL, code INTEGER, signal INTEGER,
  oom INTEGER NOT NULL, reason TEXT NOT NULL, image TEXT NOT NULL, ended_ms INTEGER NOT NULL,
  create_us INTEGER, hold_us INTEGER, run_us INTEGER, gap_us INTEGER, gap_decide_us INTEGER,
  gap_exec_us INTEGER, cpu_us INTEGER, memory_peak_bytes INTEGER, stderr_tail TEXT NOT NULL
) STRICT;
CREATE INDEX exits_by_pool ON exits (pool, number);
CREATE TABLE desired (pool TEXT PRIMARY KEY, spec TEXT NOT NULL, paused INTEGER NOT NULL) STRICT;
CREATE TABLE revisions (
  pool TEXT NOT NULL, number INTEGER NOT NULL, hash TEXT NOT NULL, spec TEXT NOT NULL,
  image TEXT NOT NULL, created_ms INTEGER NOT NULL, PRIMARY KEY (pool, number)
) STRICT;
PRAGMA user_version = 1;
)";

constexpr const char* kInsertExit = R"(
INSERT INTO exits (worker, pool, revision, slot, class, code, signal, oom, reason, image, ended_ms,
  create_us, hold_us, run_us, gap_us, gap_decide_us, gap_exec_us, cpu_us, memory_peak_bytes,
  stderr_tail)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (worker) DO NOTHING
)";

constexpr const char* kSelectExits = R"(
SELECT worker, pool, revision, slot, class, code, signal, oom, reason, image, ended_ms, create_us,
  hold_us, run_us, gap_us, gap_decide_us, gap_exec_us, cpu_us, memory_peak_bytes, stderr_tail
FROM exits WHERE (?1 = '' OR pool = ?1) AND (?2 = '' OR worker = ?2) ORDER BY number DESC LIMIT ?3
)";

template <class Number>
std::optional<std::int64_t> widened(const std::optional<Number>& number) {
  if (!number) return std::nullopt;
  return static_cast<std::int64_t>(*number);
}

template <class Number>
std::optional<Number> narrowed(const std::optional<std::int64_t>& number) {
  if (!number) return std::nullopt;
  return static_cast<Number>(*number);
}

Exit read_exit(const Statement& row) {
  Exit exit;
  exit.worker = row.text(0);
  exit.pool = row.text(1);
  exit.revision = static_cast<std::uint32_t>(row.number(2));
  exit.slot = narrowed<std::uint32_t>(row.optional(3));
  exit.exit_class = row.text(4);
  exit.code = narrowed<int>(row.optional(5));
  exit.signal = narrowed<int>(row.optional(6));
  exit.oom = row.number(7) != 0;
  exit.reason = row.text(8);
  exit.image = row.text(9);
  exit.ended_ms = row.number(10);
  exit.create_us = row.optional(11);
  exit.hold_us = row.optional(12);
  exit.run_us = row.optional(13);
  exit.gap_us = row.optional(14);
  exit.gap_decide_us = row.optional(15);
  exit.gap_exec_us = row.optional(16);
  exit.cpu_us = row.optional(17);
  exit.memory_peak_bytes = row.optional(18);
  exit.stderr_tail = row.text(19);
  return exit;
}

std::string new_instance() {
  std::uint32_t number = 0;
  if (getrandom(&number, sizeof number, 0) != sizeof number) return {};
  char text[9] = {};
  std::snprintf(text, sizeof text, "%08x", number);
  return text;
}

std::string damaged(sqlite3* connection) {
  return last_error(connection) +
         "; move the state directory away to start afresh (workers that "
         "run will not be recognised)";
}

}  // namespace

Tables::Tables(Connection connection)
    : connection_(std::move(connection)), insert_exit_(connection_.get(), kInsertExit) {}

tl::expected<void, std::string> Tables::prepare(sqlite3* connection) {
  if (!execute(connection, kPragmas)) return tl::unexpected(damaged(connection));
  Statement version(connection, "PRAGMA user_version");
  if (!version.step()) return tl::unexpected(damaged(connection));
  const std::int64_t found = version.number(0);
  if (found > kSchemaVersion) {
    return tl::unexpected("written by a newer mayflyd (schema " + std::to_string(found) +
                          "): install that version");
  }
  if (found == kSchemaVersion) return {};
  const std::string all = std::string("BEGIN;") + kSchema + "COMMIT;";
  if (!execute(connection, all.c_str())) return tl::unexpected(damaged(connection));
  return {};
}

tl::expected<Loaded, std::string> Tables::load(sqlite3* connection) {
  Loaded loaded;
  Statement seed(connection,
                 "INSERT INTO meta VALUES ('instance', ?), ('run', '0') ON CONFLICT DO NOTHING");
  const bool counted =
      seed.bind(1, new_instance()).run() &&
      execute(connection, "UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE key = 'run'");
  if (!counted) return tl::unexpected(damaged(connection));
  Statement meta(connection, "SELECT key, value FROM meta");
  while (meta.step()) {
    if (meta.text(0) == "instance") loaded.instance = meta.text(1);
    if (meta.text(0) == "run") loaded.run = static_cast<std::uint32_t>(std::stoul(meta.text(1)));
  }
  Statement desired(connection, "SELECT pool, spec, paused FROM desired ORDER BY pool");
  while (desired.step()) {
    loaded.desired.push_back({desired.text(0), desired.text(1), desired.number(2) != 0});
  }
  Statement revisions(connection,
                      "SELECT pool, number, hash, spec, image, created_ms FROM revisions "
                      "ORDER BY pool, number");
  while (revisions.step()) {
    loaded.revisions.push_back({revisions.text(0), static_cast<std::uint32_t>(revisions.number(1)),
                                revisions.text(2), revisions.text(3), revisions.text(4),
                                revisions.number(5)});
  }
  if (!meta.ok() || !desired.ok() || !revisions.ok() || loaded.instance.size() != 8) {
    return tl::unexpected(damaged(connection));
  }
  return loaded;
}

bool Tables::begin() {
  return execute(connection_.get(), "BEGIN IMMEDIATE");
}

bool Tables::commit() {
  if (execute(connection_.get(), "COMMIT")) return true;
  rollback();
  return false;
}

void Tables::rollback() {
  if (sqlite3_get_autocommit(connection_.get()) == 0) execute(connection_.get(), "ROLLBACK");
}

bool Tables::insert_exit(const Exit& exit) {
  return insert_exit_.bind(1, exit.worker)
      .bind(2, exit.pool)
      .bind(3, static_cast<std::int64_t>(exit.revision))
      .bind(4, widened(exit.slot))
      .bind(5, exit.exit_class)
      .bind(6, widened(exit.code))
      .bind(7, widened(exit.signal))
      .bind(8, static_cast<std::int64_t>(exit.oom))
      .bind(9, exit.reason)
      .bind(10, exit.image)
      .bind(11, exit.ended_ms)
      .bind(12, exit.create_us)
      .bind(13, exit.hold_us)
      .bind(14, exit.run_us)
      .bind(15, exit.gap_us)
      .bind(16, exit.gap_decide_us)
      .bind(17, exit.gap_exec_us)
      .bind(18, exit.cpu_us)
      .bind(19, exit.memory_peak_bytes)
      .bind(20, exit.stderr_tail)
      .run();
}

std::vector<Exit> Tables::select_exits(const ExitQuery& query) {
  Statement rows(connection_.get(), kSelectExits);
  rows.bind(1, query.pool)
      .bind(2, query.worker)
      .bind(3, static_cast<std::int64_t>(std::min(query.limit, kRowsMax)));
  std::vector<Exit> exits;
  while (rows.step()) exits.push_back(read_exit(rows));
  return exits;
}

bool Tables::trim_exits(std::int64_t ended_before_ms, std::uint32_t keep, std::uint32_t limit) {
  Statement trim(connection_.get(), R"(
DELETE FROM exits WHERE number IN (
  SELECT number FROM exits
  WHERE number <= (SELECT max(number) FROM exits) - ?1 OR ended_ms < ?2
  ORDER BY number LIMIT ?3))");
  return trim.bind(1, static_cast<std::int64_t>(keep))
      .bind(2, ended_before_ms)
      .bind(3, static_cast<std::int64_t>(limit))
      .run();
}

bool Tables::put_desired(const Desired& desired) {
  Statement put(connection_.get(), "INSERT OR REPLACE INTO desired VALUES (?, ?, ?)");
  return put.bind(1, desired.pool)
      .bind(2, desired.spec)
      .bind(3, static_cast<std::int64_t>(desired.paused))
      .run();
}

bool Tables::drop_desired(const std::string& pool) {
  return Statement(connection_.get(), "DELETE FROM desired WHERE pool = ?").bind(1, pool).run();
}

bool Tables::put_revision(const Revision& revision) {
  Statement put(connection_.get(), "INSERT OR REPLACE INTO revisions VALUES (?, ?, ?, ?, ?, ?)");
  return put.bind(1, revision.pool)
      .bind(2, static_cast<std::int64_t>(revision.number))
      .bind(3, revision.hash)
      .bind(4, revision.spec)
      .bind(5, revision.image)
      .bind(6, revision.created_ms)
      .run();
}

bool Tables::drop_revisions(const std::string& pool) {
  return Statement(connection_.get(), "DELETE FROM revisions WHERE pool = ?").bind(1, pool).run();
}

}  // namespace mayfly::store
