// A file that holds an upload until the daemon has read it. It goes with its owner, whatever
// happens.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace mayfly::control {

class Spool {
 public:
  /// A new empty file, 0600, in `directory`.
  [[nodiscard]] static tl::expected<std::shared_ptr<Spool>, std::string> create(
      const std::string& directory);
  /// Makes the directory, 0700, and removes what an earlier run left in it.
  [[nodiscard]] static tl::expected<void, std::string> prepare(const std::string& directory);

  ~Spool();
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;

  /// Blocks for as long as the disk does: not for the loop's thread. Error: one line.
  [[nodiscard]] tl::expected<void, std::string> append(std::string_view bytes);
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  Spool(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}

  std::string path_;
  int fd_ = -1;
};

}  // namespace mayfly::control
