// What must outlive the daemon: exit records, the desired state given through the API or by a
// coordinator, revisions.
// SQLite on a thread of its own; every answer is posted to the loop. The queue to that thread is
// bounded. Knows rows, refuses to know what they mean.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

namespace mayfly::store {

/// One ended worker, as kept. Times are unix milliseconds; durations microseconds.
struct Exit {
  std::string worker;  ///< unique: a second record of the same worker is the same record
  std::string pool;
  std::uint32_t revision = 0;
  std::optional<std::uint32_t> slot;
  std::string exit_class;
  std::optional<int> code;
  std::optional<int> signal;
  bool oom = false;
  std::string reason;
  std::string image;
  std::int64_t ended_ms = 0;                  ///< when its end was seen
  std::optional<std::int64_t> create_us;      ///< start asked → gate ready
  std::optional<std::int64_t> hold_us;        ///< gate ready → released
  std::optional<std::int64_t> run_us;         ///< running → end
  std::optional<std::int64_t> gap_us;         ///< end of the worker before → running
  std::optional<std::int64_t> gap_decide_us;  ///< of it: end seen → release sent
  std::optional<std::int64_t> gap_exec_us;    ///< of it: release sent → running
  std::optional<std::int64_t> cpu_us;         ///< cpu time used, where it could be read
  std::optional<std::int64_t> memory_peak_bytes;
  std::string stderr_tail;  ///< last 4 KiB
  bool operator==(const Exit&) const = default;
};

/// A pool's spec as of a revision.
struct Revision {
  std::string pool;
  std::uint32_t number = 0;
  std::string hash;   ///< sha256 of `spec`, hex
  std::string spec;   ///< canonical JSON of the template, image as written
  std::string image;  ///< digest; "" until it was resolved
  std::int64_t created_ms = 0;
  bool operator==(const Revision&) const = default;
};

/// A pool given through the API (not by a file), or an operator's mark on any pool.
struct Desired {
  std::string pool;
  std::string spec;  ///< canonical JSON of the whole pool; "" for a pool that a file defines
  bool paused = false;
  bool operator==(const Desired&) const = default;
};

/// A pool's last good document of the coordinator's. The row without a pool is of the coordinator
/// itself.
struct FleetDocument {
  std::string pool;
  std::string document;
  std::int64_t epoch = 0;  ///< of the coordinator; revisions are in order within one
  std::int64_t mod_revision = 0;
  bool operator==(const FleetDocument&) const = default;
};

/// What was last ordered of the node itself. There is one.
struct NodeOrder {
  std::string scheduling;       ///< "" = nothing ever was
  std::int64_t ordered_ms = 0;  ///< unix time
  std::optional<std::int64_t> deadline_s;
  std::string kept;      ///< JSON: the slots that each pool keeps
  std::string order_id;  ///< of the coordinator's last order that was followed; "" = none was
  std::int64_t order_epoch = 0;
  std::int64_t order_revision = 0;
  bool operator==(const NodeOrder&) const = default;
};

/// An image that Mayfly brought onto this node.
struct Image {
  std::string name;
  std::string digest;
  std::uint64_t size_bytes = 0;
  std::int64_t brought_ms = 0;
  std::optional<std::int64_t> unused_ms;  ///< since when no pool needs it; none: one does
  bool operator==(const Image&) const = default;
};

/// Read once at start-up, before the loop runs.
struct Loaded {
  std::string instance;   ///< this node's instance id: 8 hex digits, made at first start
  std::uint32_t run = 0;  ///< how often this store has been opened, this time included: 1, 2, …
  std::vector<Desired> desired;
  std::vector<Revision> revisions;
  std::vector<Image> images;
  std::vector<FleetDocument> fleet;
  NodeOrder node;
};

struct ExitQuery {
  std::string pool;    ///< "" = all
  std::string worker;  ///< "" = all
  std::uint32_t limit = 100;
};

inline constexpr std::uint32_t kImagesKept = 4096;

class Store {
 public:
  struct Options {
    std::filesystem::path directory;  ///< created 0700
    std::uint32_t exits_max = 10'000;
    std::int64_t exits_age_ms = 7LL * 24 * 3600 * 1000;
    std::uint32_t queue_max = 100'000;
  };

  /// Takes an exclusive lock on the directory and counts the run. Errors, one line each: another
  /// daemon holds it, it cannot be written, the file is of a newer version or is damaged.
  static tl::expected<std::unique_ptr<Store>, std::string> open(boost::asio::io_context& loop,
                                                                Options options);
  /// Writes out what is queued; no answer comes after this. REQUIRES: the loop is still there.
  virtual ~Store() = default;

  [[nodiscard]] virtual const Loaded& loaded() const = 0;

  /// Answers come on the loop, in the order of the calls, never from within the call. A write is
  /// durable against the death of the process before `done` is called. `done(false)`: not written,
  /// the queue or the disk is full; nothing else is the worse for it. A query that cannot be read
  /// answers with nothing.
  virtual void record(Exit exit, std::function<void(bool)> done) = 0;
  virtual void exits(ExitQuery query, std::function<void(std::vector<Exit>)> done) = 0;
  virtual void put_desired(Desired desired, std::function<void(bool)> done) = 0;
  virtual void drop_desired(std::string pool, std::function<void(bool)> done) = 0;
  virtual void put_revision(Revision revision, std::function<void(bool)> done) = 0;
  virtual void drop_revisions(std::string pool, std::function<void(bool)> done) = 0;
  /// By name and digest; at most kImagesKept, the latest brought.
  virtual void put_image(Image image, std::function<void(bool)> done) = 0;
  virtual void drop_image(Image image, std::function<void(bool)> done) = 0;
  virtual void put_fleet(FleetDocument document, std::function<void(bool)> done) = 0;
  virtual void drop_fleet(std::string pool, std::function<void(bool)> done) = 0;
  virtual void put_node(NodeOrder order, std::function<void(bool)> done) = 0;
};

}  // namespace mayfly::store
