#include "agent/store/schema.h"

#include <array>

namespace mayfly::store {
namespace {

constexpr std::int64_t kApplicationId = 0x4d59464c;  // "MYFL", in the file's header

constexpr std::array<const char*, 4> kMigrations{R"(
CREATE TABLE exits (
  id INTEGER PRIMARY KEY,
  worker TEXT NOT NULL UNIQUE,
  pool TEXT NOT NULL,
  revision INTEGER NOT NULL,
  slot INTEGER,
  class TEXT NOT NULL,
  code INTEGER,
  signal INTEGER,
  oom INTEGER NOT NULL,
  reason TEXT NOT NULL,
  image TEXT NOT NULL,
  ended_ms INTEGER NOT NULL,
  create_us INTEGER,
  hold_us INTEGER,
  run_us INTEGER,
  gap_us INTEGER,
  gap_decide_us INTEGER,
  gap_exec_us INTEGER,
  cpu_us INTEGER,
  memory_peak_bytes INTEGER,
  stderr_tail BLOB NOT NULL
) STRICT;
CREATE INDEX exits_by_pool ON exits (pool, id);
CREATE TABLE desired (
  pool TEXT PRIMARY KEY,
  spec TEXT NOT NULL,
  paused INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE revisions (
  pool TEXT NOT NULL,
  number INTEGER NOT NULL,
  hash TEXT NOT NULL,
  spec TEXT NOT NULL,
  image TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  PRIMARY KEY (pool, number)
) STRICT;
)",
                                                 R"(
CREATE TABLE images (
  name TEXT NOT NULL,
  digest TEXT NOT NULL,
  size_bytes INTEGER NOT NULL,
  brought_ms INTEGER NOT NULL,
  unused_ms INTEGER,
  PRIMARY KEY (name, digest)
) STRICT, WITHOUT ROWID;
)",
                                                 R"(
CREATE TABLE fleet (
  pool TEXT PRIMARY KEY,
  document TEXT NOT NULL,
  epoch INTEGER NOT NULL,
  mod_revision INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
)",
                                                 R"(
CREATE TABLE node (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  scheduling TEXT NOT NULL,
  ordered_ms INTEGER NOT NULL,
  deadline_s INTEGER,
  kept TEXT NOT NULL,
  order_id TEXT NOT NULL,
  order_epoch INTEGER NOT NULL,
  order_revision INTEGER NOT NULL
) STRICT;
)"};

/// Wait for a person's sqlite3 that holds the file; checkpoint at 4 MiB and keep no more than that;
/// of its pages keep 256 KiB in memory (a batch of exits writes some dozens).
constexpr const char* kSettings =
    "PRAGMA busy_timeout = 5000;"
    "PRAGMA journal_mode = WAL;"
    "PRAGMA synchronous = NORMAL;"
    "PRAGMA journal_size_limit = 4194304;"
    "PRAGMA cache_size = -256;";

using Ready = tl::expected<void, Failure>;

Failure refused(std::string what) {
  return {.damaged = false, .what = std::move(what)};
}

/// Ours, and not from the future. Gives the version.
tl::expected<std::int64_t, Failure> check_version(Database& database, std::size_t newest) {
  const auto tables = database.number("SELECT count(*) FROM sqlite_schema");
  if (!tables) return tl::unexpected(tables.error());
  if (*tables == 0) return 0;
  const auto owner = database.number("PRAGMA application_id");
  if (!owner) return tl::unexpected(owner.error());
  if (*owner != kApplicationId) return tl::unexpected(refused("was not made by mayflyd"));
  const auto version = database.number("PRAGMA user_version");
  if (version && *version > static_cast<std::int64_t>(newest)) {
    return tl::unexpected(refused("was written by a newer mayflyd (version " +
                                  std::to_string(*version) + ", this one knows up to " +
                                  std::to_string(newest) + "): run that one"));
  }
  return version;
}

Ready migrate(Database& database, std::size_t version, const char* step) {
  return database
      .run("BEGIN IMMEDIATE;" + std::string{step} +
           ";PRAGMA user_version = " + std::to_string(version) +
           ";PRAGMA application_id = " + std::to_string(kApplicationId) + ";COMMIT")
      .map_error([&database](const Failure& failure) {
        static_cast<void>(database.run("ROLLBACK"));
        return failure;
      });
}

Ready prepare(Database& database, std::span<const char* const> steps) {
  const auto settings = database.run(kSettings);
  if (!settings) return settings;
  const auto version = check_version(database, steps.size());
  if (!version) return tl::unexpected(version.error());
  for (auto done = static_cast<std::size_t>(*version); done < steps.size(); ++done) {
    const auto migrated = migrate(database, done + 1, steps[done]);
    if (!migrated) return migrated;
  }
  return {};
}

}  // namespace

std::span<const char* const> migrations() {
  return kMigrations;
}

std::string explain(const std::filesystem::path& file, const Failure& failure) {
  if (!failure.damaged) return file.string() + ": " + failure.what;
  return file.string() + " is damaged (" + failure.what +
         "): restore it, or move it and its -wal away and start again; the exit history, the pools "
         "given by the API or the coordinator, their pauses, their revisions, the node's cordon or "
         "drain and which images are Mayfly's are in it";
}

tl::expected<Database, std::string> open_database(const std::filesystem::path& file,
                                                  std::span<const char* const> steps) {
  auto database = Database::open(file);
  if (!database) return tl::unexpected(explain(file, database.error()));
  const auto ready = prepare(*database, steps);
  if (!ready) return tl::unexpected(explain(file, ready.error()));
  return std::move(*database);
}

}  // namespace mayfly::store
