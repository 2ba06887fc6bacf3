// The host as the checks see it: files below a root, and answers that only the kernel gives.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "runtime/files/space.h"

namespace mayfly::doctor {

struct FileStatus {
  mode_t mode = 0;
  uid_t owner = 0;
};

struct Host {
  std::string root;  ///< goes before every path; "" = this host's own
  std::function<std::optional<files::Space>(const std::string& path)> space;
  std::function<int(const std::string& path)> connect;  ///< to a unix socket: 0 or errno
  std::function<std::optional<FileStatus>(const std::string& path)> status;
  std::function<bool(const std::string& path)> executable;
  std::function<bool(const std::string& name)> group_exists;
  std::function<bool()> pidfd_open;  ///< it works
  std::function<bool()> ptrace;      ///< may be asked for
  std::function<bool()> realtime;    ///< SCHED_FIFO may be taken
  /// By the kernel's word; none where this process may not ask.
  std::function<std::optional<bool>()> clock_synchronised;
};

[[nodiscard]] Host this_host();

/// At most `bytes_max` of it; none where it cannot be read.
[[nodiscard]] std::optional<std::string> read_file(const Host& host, const std::string& path,
                                                   std::size_t bytes_max = 65'536);

/// The first of them that can be executed: `configured` alone where it is given, else beside the
/// program itself, else in `libexec`. "" = none.
[[nodiscard]] std::string find_gate(const std::string& configured, const std::string& libexec);

}  // namespace mayfly::doctor
