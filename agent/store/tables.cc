#include "agent/store/tables.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace mayfly::store {
namespace {

using Step = Statement::Step;

constexpr std::uint32_t kTrimEvery = 256;  // records
// At most so many rows go at a time: more than come between two trims, so that a lowered bound is
// reached too, and few enough for one transaction.
constexpr const char* kTrimCount =
    "DELETE FROM exits WHERE id IN (SELECT id FROM exits WHERE id <= (SELECT max(id) FROM exits) - "
    "?"
    " ORDER BY id LIMIT 1000)";
constexpr const char* kTrimAge =
    "DELETE FROM exits WHERE id IN (SELECT id FROM (SELECT id, ended_ms FROM exits ORDER BY id "
    "LIMIT "
    "1000) WHERE ended_ms < ?)";

constexpr const char* kColumns =
    "worker, pool, revision, slot, class, code, signal, oom, reason, image, ended_ms, create_us, "
    "hold_us, run_us, gap_us, gap_decide_us, gap_exec_us, cpu_us, memory_peak_bytes, stderr_tail";

std::string record_sql() {
  return "INSERT INTO exits (" + std::string{kColumns} +
         ") VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT (worker) DO NOTHING";
}

/// Only what is asked for is named in it, so that SQLite goes by the index that fits.
std::string exits_sql(const ExitQuery& query) {
  return "SELECT " + std::string{kColumns} + " FROM exits WHERE true" +
         (query.pool.empty() ? "" : " AND pool = ?1") +
         (query.worker.empty() ? "" : " AND worker = ?2") + " ORDER BY id DESC LIMIT ?3";
}

std::string_view head(std::string_view text, std::size_t most) {
  return text.substr(0, most);
}

std::string_view tail(std::string_view text, std::size_t most) {
  return text.substr(text.size() > most ? text.size() - most : 0);
}

std::int64_t now_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

template <class T>
std::optional<std::int64_t> wide(const std::optional<T>& value) {
  return value ? std::optional<std::int64_t>{*value} : std::nullopt;
}

template <class T>
std::optional<T> narrow(const std::optional<std::int64_t>& value) {
  return value ? std::optional<T>{static_cast<T>(*value)} : std::nullopt;
}

void bind(Statement& statement, const Exit& exit) {
  int column = 0;
  statement.bind(column++, head(exit.worker, kNameBytesMax));
  statement.bind(column++, head(exit.pool, kNameBytesMax));
  statement.bind(column++, std::int64_t{exit.revision});
  statement.bind(column++, wide(exit.slot));
  statement.bind(column++, head(exit.exit_class, kNameBytesMax));
  statement.bind(column++, wide(exit.code));
  statement.bind(column++, wide(exit.signal));
  statement.bind(column++, std::int64_t{exit.oom ? 1 : 0});
  statement.bind(column++, head(exit.reason, kReasonBytesMax));
  statement.bind(column++, head(exit.image, kNameBytesMax));
  statement.bind(column++, exit.ended_ms);
  for (const auto* value :
       {&exit.create_us, &exit.hold_us, &exit.run_us, &exit.gap_us, &exit.gap_decide_us,
        &exit.gap_exec_us, &exit.cpu_us, &exit.memory_peak_bytes}) {
    statement.bind(column++, *value);
  }
  statement.bind_blob(column, tail(exit.stderr_tail, kStderrBytesMax));
}

Exit exit_of(const Statement& row) {
  Exit exit;
  int column = 0;
  exit.worker = row.text(column++);
  exit.pool = row.text(column++);
  exit.revision = static_cast<std::uint32_t>(row.integer(column++));
  exit.slot = narrow<std::uint32_t>(row.optional_integer(column++));
  exit.exit_class = row.text(column++);
  exit.code = narrow<int>(row.optional_integer(column++));
  exit.signal = narrow<int>(row.optional_integer(column++));
  exit.oom = row.integer(column++) != 0;
  exit.reason = row.text(column++);
  exit.image = row.text(column++);
  exit.ended_ms = row.integer(column++);
  for (auto* value :
       {&exit.create_us, &exit.hold_us, &exit.run_us, &exit.gap_us, &exit.gap_decide_us,
        &exit.gap_exec_us, &exit.cpu_us, &exit.memory_peak_bytes}) {
    *value = row.optional_integer(column++);
  }
  exit.stderr_tail = row.text(column);
  return exit;
}

}  // namespace

Tables::Tables(Database database, Retention retention)
    : database_(std::move(database)),
      retention_(retention),
      begin_(database_, "BEGIN IMMEDIATE"),
      commit_(database_, "COMMIT"),
      record_(database_, record_sql()),
      trim_count_(database_, kTrimCount),
      trim_age_(database_, kTrimAge),
      put_desired_(database_,
                   "INSERT OR REPLACE INTO desired (pool, spec, paused) VALUES (?, ?, ?)"),
      drop_desired_(database_, "DELETE FROM desired WHERE pool = ?"),
      put_revision_(
          database_,
          "INSERT OR REPLACE INTO revisions (pool, number, hash, spec, image, created_ms) "
          "VALUES (?, ?, ?, ?, ?, ?)"),
      trim_revisions_(database_, "DELETE FROM revisions WHERE pool = ? AND number <= ?"),
      drop_revisions_(database_, "DELETE FROM revisions WHERE pool = ?"),
      put_image_(database_,
                 "INSERT OR REPLACE INTO images (name, digest, size_bytes, brought_ms, unused_ms) "
                 "VALUES (?, ?, ?, ?, ?)"),
      trim_images_(database_,
                   "DELETE FROM images WHERE (name, digest) IN (SELECT name, digest FROM images "
                   "ORDER BY brought_ms DESC LIMIT -1 OFFSET ?)"),
      drop_image_(database_, "DELETE FROM images WHERE name = ? AND digest = ?"),
      put_fleet_(database_,
                 "INSERT OR REPLACE INTO fleet (pool, document, epoch, mod_revision) "
                 "VALUES (?, ?, ?, ?)"),
      drop_fleet_(database_, "DELETE FROM fleet WHERE pool = ?"),
      put_node_(database_,
                "INSERT OR REPLACE INTO node (id, scheduling, ordered_ms, deadline_s, kept, "
                "order_id, order_epoch, order_revision) VALUES (1, ?, ?, ?, ?, ?, ?, ?)") {}

void Tables::rollback() {
  // Some errors, a full disk among them, have rolled it back already.
  if (sqlite3_get_autocommit(database_.handle()) == 0) static_cast<void>(database_.run("ROLLBACK"));
}

bool Tables::record(const Exit& exit) {
  bind(record_, exit);
  if (!record_.run()) return false;
  if (until_trim_ > 0) {
    --until_trim_;
    return true;
  }
  until_trim_ = kTrimEvery;
  return trim();
}

bool Tables::trim() {
  trim_count_.bind(0, std::int64_t{retention_.exits_max});
  trim_age_.bind(0, now_ms() - retention_.exits_age_ms);
  return trim_count_.run() && trim_age_.run();
}

bool Tables::put(const Desired& desired) {
  if (desired.spec.size() > kSpecBytesMax) return false;
  put_desired_.bind(0, desired.pool);
  put_desired_.bind(1, desired.spec);
  put_desired_.bind(2, std::int64_t{desired.paused ? 1 : 0});
  return put_desired_.run();
}

bool Tables::drop_desired(const std::string& pool) {
  drop_desired_.bind(0, pool);
  return drop_desired_.run();
}

bool Tables::put(const Revision& revision) {
  if (revision.spec.size() > kSpecBytesMax) return false;
  put_revision_.bind(0, revision.pool);
  put_revision_.bind(1, std::int64_t{revision.number});
  put_revision_.bind(2, revision.hash);
  put_revision_.bind(3, revision.spec);
  put_revision_.bind(4, revision.image);
  put_revision_.bind(5, revision.created_ms);
  trim_revisions_.bind(0, revision.pool);
  trim_revisions_.bind(1, std::int64_t{revision.number} - kRevisionsKept);
  return put_revision_.run() && trim_revisions_.run();
}

bool Tables::drop_revisions(const std::string& pool) {
  drop_revisions_.bind(0, pool);
  return drop_revisions_.run();
}

bool Tables::put(const Image& image) {
  if (image.name.size() > kNameBytesMax || image.digest.size() > kNameBytesMax) return false;
  put_image_.bind(0, image.name);
  put_image_.bind(1, image.digest);
  put_image_.bind(2, static_cast<std::int64_t>(image.size_bytes));
  put_image_.bind(3, image.brought_ms);
  put_image_.bind(4, image.unused_ms);
  trim_images_.bind(0, std::int64_t{kImagesKept});
  return put_image_.run() && trim_images_.run();
}

bool Tables::drop_image(const Image& image) {
  drop_image_.bind(0, image.name);
  drop_image_.bind(1, image.digest);
  return drop_image_.run();
}

bool Tables::put(const FleetDocument& document) {
  if (document.document.size() > kSpecBytesMax) return false;
  put_fleet_.bind(0, document.pool);
  put_fleet_.bind(1, document.document);
  put_fleet_.bind(2, document.epoch);
  put_fleet_.bind(3, document.mod_revision);
  return put_fleet_.run();
}

bool Tables::drop_fleet(const std::string& pool) {
  drop_fleet_.bind(0, pool);
  return drop_fleet_.run();
}

bool Tables::put(const NodeOrder& order) {
  if (order.kept.size() > kSpecBytesMax || order.order_id.size() > kNameBytesMax) return false;
  put_node_.bind(0, order.scheduling);
  put_node_.bind(1, order.ordered_ms);
  put_node_.bind(2, order.deadline_s);
  put_node_.bind(3, order.kept);
  put_node_.bind(4, order.order_id);
  put_node_.bind(5, order.order_epoch);
  put_node_.bind(6, order.order_revision);
  return put_node_.run();
}

std::vector<Exit> Tables::exits(const ExitQuery& query) {
  Statement select{database_, exits_sql(query)};
  if (!query.pool.empty()) select.bind(0, query.pool);
  if (!query.worker.empty()) select.bind(1, query.worker);
  select.bind(2, std::int64_t{std::min(query.limit, kQueryRowsMax)});
  std::vector<Exit> rows;
  Step step = select.step();
  for (; step == Step::kRow; step = select.step()) rows.push_back(exit_of(select));
  return step == Step::kDone ? rows : std::vector<Exit>{};
}

tl::expected<std::vector<Desired>, Failure> Tables::desired() {
  Statement select{database_, "SELECT pool, spec, paused FROM desired ORDER BY pool"};
  std::vector<Desired> rows;
  Step step = select.step();
  for (; step == Step::kRow; step = select.step()) {
    rows.push_back({select.text(0), select.text(1), select.integer(2) != 0});
  }
  if (step == Step::kFailed) return tl::unexpected(database_.failure());
  return rows;
}

tl::expected<std::vector<Revision>, Failure> Tables::revisions() {
  Statement select{database_,
                   "SELECT pool, number, hash, spec, image, created_ms FROM revisions "
                   "ORDER BY pool, number"};
  std::vector<Revision> rows;
  Step step = select.step();
  for (; step == Step::kRow; step = select.step()) {
    rows.push_back({select.text(0), static_cast<std::uint32_t>(select.integer(1)), select.text(2),
                    select.text(3), select.text(4), select.integer(5)});
  }
  if (step == Step::kFailed) return tl::unexpected(database_.failure());
  return rows;
}

tl::expected<std::vector<FleetDocument>, Failure> Tables::fleet() {
  Statement select{database_,
                   "SELECT pool, document, epoch, mod_revision FROM fleet ORDER BY pool"};
  std::vector<FleetDocument> rows;
  Step step = select.step();
  for (; step == Step::kRow; step = select.step()) {
    rows.push_back({select.text(0), select.text(1), select.integer(2), select.integer(3)});
  }
  if (step == Step::kFailed) return tl::unexpected(database_.failure());
  return rows;
}

tl::expected<NodeOrder, Failure> Tables::node() {
  Statement select{database_,
                   "SELECT scheduling, ordered_ms, deadline_s, kept, order_id, order_epoch, "
                   "order_revision FROM node"};
  NodeOrder order;
  Step step = select.step();
  for (; step == Step::kRow; step = select.step()) {
    order = {select.text(0), select.integer(1), select.optional_integer(2), select.text(3),
             select.text(4), select.integer(5), select.integer(6)};
  }
  if (step == Step::kFailed) return tl::unexpected(database_.failure());
  return order;
}

tl::expected<std::vector<Image>, Failure> Tables::images() {
  Statement select{database_,
                   "SELECT name, digest, size_bytes, brought_ms, unused_ms FROM images "
                   "ORDER BY name, digest"};
  std::vector<Image> rows;
  Step step = select.step();
  for (; step == Step::kRow; step = select.step()) {
    rows.push_back({select.text(0), select.text(1), static_cast<std::uint64_t>(select.integer(2)),
                    select.integer(3), select.optional_integer(4)});
  }
  if (step == Step::kFailed) return tl::unexpected(database_.failure());
  return rows;
}

}  // namespace mayfly::store
