// The agent's side of the gates: one directory and one listening socket per worker, the held
// connections, and the release. Speaks runtime/gate/protocol.h with peers that it does not trust.
// Knows worker names and directories; refuses to know pools, slots' policies and runtimes. Owned by
// the agent, used on the loop's thread; calls back on it, never from within a call.
//
// On the host:      <root>/<worker>/mnt/gate.sock   the worker's own socket      ┐ mounted
// read-only
//                   <root>/<worker>/mnt/gate        an empty file: mount point   ┘ at /.mayfly
//                   <root>/<worker>/released        the marker: a line with the slot, or empty
// In the container: /.mayfly/gate.sock and /.mayfly/gate (the static binary, bound over the file).
// <root> is 0700: no other user of the host reaches a gate; the socket itself is 0666, since a
// worker may run as anybody.
#pragma once

#include <sys/types.h>

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "runtime/gate/frames.h"
#include "runtime/gate/protocol.h"

namespace mayfly::gate {

/// Called with the worker's name. `at_ns` is CLOCK_MONOTONIC.
struct Callbacks {
  std::function<void(const std::string& worker)> ready;
  std::function<void(const std::string& worker, std::string reason)> lost;
  std::function<void(const std::string& worker, std::int64_t at_ns)> running;
  std::function<void(const std::string& worker, std::string reason)> failed;
  /// With kExec: it is held as with kGate instead.
  std::function<void(const std::string& worker, std::string reason)> untraced;
};

/// What a release hands over. File descriptors are borrowed: they are duplicated into the message,
/// and the caller keeps its own.
struct Release {
  std::uint32_t slot = 0;
  Environment env;
};

/// stdin, stdout, stderr for the worker; borrowed during the call only.
struct Stdio {
  int in = -1;
  int out = -1;
  int err = -1;
};

class Gates {
 public:
  struct Options {
    std::string root;  ///< created 0700 if absent; its parent exists
    /// The variables of every release, their values as long as they can be. With kExec others have
    /// no room.
    Environment reserved;
  };

  Gates(boost::asio::io_context& loop, Options options, Callbacks callbacks);
  ~Gates();  ///< closes all sockets; leaves the directories (a later run adopts them)
  Gates(const Gates&) = delete;
  Gates& operator=(const Gates&) = delete;

  /// Makes the directory and listens; for an existing directory (adoption) listens anew in it, so
  /// that a held gate finds us again. Error: one line with the path. Idempotent. `stdio` is
  /// duplicated and kept until it is handed over: with kGate at the release, otherwise when the
  /// gate is told to exec.
  [[nodiscard]] tl::expected<void, std::string> open(const std::string& worker, Hold hold,
                                                     Stdio stdio);

  /// The container's first process; with kExec it is needed to hold it. `pidfd` is borrowed.
  void started(const std::string& worker, pid_t pid, int pidfd);
  /// That process has ended, or is about to: to be told before anybody waits for its parent to
  /// know.
  void ended(const std::string& worker);

  /// The host directory to be mounted at /.mayfly.
  [[nodiscard]] std::string mount_source(const std::string& worker) const;

  /// Writes the marker, then sends. Answered by `running` or `failed`. Returns CLOCK_MONOTONIC when
  /// it was sent, in ns; none if it was not. This is the hot path.
  std::optional<std::int64_t> release(const std::string& worker, const Release& release);

  /// The slot in the marker, if the worker was ever released (also by an earlier run).
  [[nodiscard]] std::optional<std::uint32_t> released_to(const std::string& worker) const;

  /// Ends the connection and removes the directory. Idempotent.
  void close(const std::string& worker);

  /// Directories present under root: the workers of earlier runs, for the leak audit and adoption.
  [[nodiscard]] std::vector<std::string> present() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mayfly::gate
