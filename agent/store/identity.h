// Who this node is: the lock on the state directory, the instance id and the count of runs. Apart
// from the database, since containers carry the id in their labels and are named by the run: both
// must outlive a database that was lost. Internal to agent/store.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <tl/expected.hpp>

namespace mayfly::store {

/// Held for as long as this lives, by one process at a time; freed by the kernel if we die.
class DirectoryLock {
 public:
  /// Makes the directory (0700) if it is absent.
  [[nodiscard]] static tl::expected<DirectoryLock, std::string> take(
      const std::filesystem::path& directory);
  DirectoryLock(DirectoryLock&& other) noexcept;
  DirectoryLock& operator=(DirectoryLock&&) = delete;
  ~DirectoryLock();

 private:
  explicit DirectoryLock(int fd) : fd_(fd) {}
  int fd_;
};

struct Identity {
  std::string instance;   ///< 8 hex digits, random, made once
  std::uint32_t run = 0;  ///< one more than the last time
};

/// Counts this run, durably: a power cut after this does not give the same run again. REQUIRES: the
/// lock is held.
[[nodiscard]] tl::expected<Identity, std::string> begin_run(const std::filesystem::path& directory);

}  // namespace mayfly::store
