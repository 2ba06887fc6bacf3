// One pool's directory of log files: a small tmpfs where mounting is permitted, plain files where
// not, which may share one. Each stream of a worker is one file. Knows files; refuses to know which
// workers live. The files are written by hostile processes, who can resize them and punch holes as
// they like; nothing here trusts a size or waits.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "agent/logs/logs.h"
#include "runtime/descriptor.h"

namespace mayfly::logs {

class Shelf {
 public:
  /// Opens the directory `<root>/<pool>`, making and mounting what is absent; `bytes` is what the
  /// pool may keep. Error: one line with the path.
  [[nodiscard]] static tl::expected<Shelf, std::string> open(const std::string& root,
                                                             const std::string& pool,
                                                             std::uint64_t bytes);
  /// Unmounts and removes it, open or not; absent is fine.
  static void remove(const std::string& root, const std::string& pool);

  /// The file, opened for appending; made where it is absent. Error: one line with the path.
  [[nodiscard]] tl::expected<runtime::Descriptor, std::string> append_to(const std::string& worker,
                                                                         Stream stream) const;

  struct Size {
    std::uint64_t length = 0;    ///< as the file claims
    std::uint64_t occupied = 0;  ///< as it costs
  };
  /// Zeros for an absent file.
  [[nodiscard]] Size size(const std::string& worker, Stream stream) const;
  /// Gives back all but the last `keep` bytes, rounded up to whole pages. Offsets stay what they
  /// are.
  Size trim(const std::string& worker, Stream stream, std::uint64_t keep) const;

  [[nodiscard]] std::string tail(const std::string& worker, Stream stream,
                                 std::uint64_t bytes) const;
  [[nodiscard]] Logs::Chunk read(const std::string& worker, Stream stream,
                                 std::uint64_t offset) const;

  void remove_files(const std::string& worker) const;
  /// Workers that have files, the longest unwritten first.
  [[nodiscard]] std::vector<std::string> workers() const;

  [[nodiscard]] std::string path_of(const std::string& worker, Stream stream) const;
  /// Bytes in use by all files; none on plain files, where the file system tells of others' too.
  [[nodiscard]] std::optional<std::uint64_t> occupied() const;
  /// On plain files: the file system that they share with others is nearly full.
  [[nodiscard]] bool is_short_of_room() const;
  /// The pool may keep `bytes` from now on.
  void resize(std::uint64_t bytes) const;

 private:
  Shelf(std::string path, runtime::Descriptor directory)
      : path_(std::move(path)), directory_(std::move(directory)) {}

  std::string path_;
  runtime::Descriptor directory_;
  bool mounted_ = false;
};

}  // namespace mayfly::logs
