// What workers write: bounded per worker and per pool, on a small tmpfs per pool, so that a flood
// never fills a disk, and through plain files, so that the death of the agent never blocks a
// writer. The agent watches the files and punches out all but the last bytes of each. Knows files
// and sizes; refuses to know workers' states. Owned by the agent, used on the loop's thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

namespace mayfly::logs {

struct Bounds {
  std::uint64_t worker_bytes = 256 * 1024;  ///< of both streams; each is sure of half of it
  std::uint64_t pool_bytes = 16 * 1024 * 1024;
};

enum class Stream : std::uint8_t { kStdout, kStderr };

/// Open for append, CLOEXEC; owned by the receiver.
struct Writers {
  int out = -1;
  int err = -1;
};

class Logs {
 public:
  /// `root`: a directory on the host (created 0700); each pool gets a tmpfs mounted below it, which
  /// outlives the agent and is found again. Not permitted to mount: plain files, bounded by root's.
  Logs(boost::asio::io_context& loop, std::string root);
  ~Logs();
  Logs(const Logs&) = delete;
  Logs& operator=(const Logs&) = delete;

  /// Creates the worker's two files and watches them; goes on with those of an earlier run, where a
  /// held worker is adopted and still needs its writers. Error: one line with the path.
  [[nodiscard]] tl::expected<Writers, std::string> open(const std::string& pool,
                                                        const std::string& worker, Bounds bounds);
  /// Watches the files of a worker that an earlier run opened. Absent files are no error. To be
  /// called for all of a pool that still live before any of it is opened or has ended: what was not
  /// adopted counts as ended.
  void adopt(const std::string& pool, const std::string& worker, Bounds bounds);

  /// The worker has ended: its files are kept until the pool's bound asks for the room.
  void ended(const std::string& pool, const std::string& worker);
  /// The worker never ran (a spare that was dismissed): its files go at once.
  void discard(const std::string& pool, const std::string& worker);
  /// The pool is gone: its tmpfs is unmounted and its directory removed.
  void drop_pool(const std::string& pool);

  /// The last `bytes` of a stream, from a hole-free boundary; nothing if there is none.
  [[nodiscard]] std::string tail(const std::string& pool, const std::string& worker, Stream stream,
                                 std::uint64_t bytes) const;

  struct Chunk {
    std::string bytes;
    std::uint64_t next = 0;  ///< offset to go on from
  };
  /// At most 64 KiB from `offset` on, skipping what has been punched out; for `logs --follow`.
  [[nodiscard]] Chunk read(const std::string& pool, const std::string& worker, Stream stream,
                           std::uint64_t offset) const;

  /// Workers of the pool with files, the most recently opened last.
  [[nodiscard]] std::vector<std::string> kept(const std::string& pool) const;

  /// Pools with a directory under root, those of earlier runs too: for the leak audit.
  [[nodiscard]] std::vector<std::string> pools() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mayfly::logs
