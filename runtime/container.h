// Containers as the agent speaks of them: what one is made of, and what a runtime says of it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace mayfly::runtime {

struct Mount {
  std::string source;  ///< absolute host path
  std::string target;  ///< absolute path in the container
  bool read_only = false;
};

struct Resources {
  std::optional<double> cpu;                  ///< cores; none = no limit
  std::optional<std::uint64_t> memory_bytes;  ///< none = no limit
  std::uint32_t pids = 256;
};

/// What a container may reach. kNamed: a network that the runtime knows by this name; a driver that
/// has no such networks refuses it.
struct Network {
  enum class Kind : std::uint8_t { kNone, kHost, kNamed };
  Kind kind = Kind::kNone;
  std::string name;  ///< of a kNamed one
  bool operator==(const Network&) const = default;
};

/// What a user loosens by name. The defaults are the secure ones.
struct Security {
  bool seccomp = true;  ///< the default profile
  bool no_new_privileges = true;
  bool read_only_rootfs = false;
  std::vector<std::string> capabilities;  ///< kept, as "CAP_CHOWN"; none by default
};

/// Everything that a container is made of. The driver adds nothing of its own but secure defaults.
struct ContainerSpec {
  std::string name;  ///< unique in the runtime; creation is idempotent by it
  std::map<std::string, std::string> labels;  ///< the checkpoint: pool, worker, revision, hash, …
  std::string image;                          ///< digest, as prepare_image gave it
  std::string image_name;  ///< what it was asked for by: where it comes from, should it be gone
  std::vector<std::string> entrypoint;  ///< what the runtime starts: the gate and its arguments
  std::vector<std::string> command;     ///< of the pool; empty = entrypoint + cmd of the image
  std::vector<std::pair<std::string, std::string>> env;  ///< over the image's own
  std::string user;               ///< "", "uid", "uid:gid" or "name[:group]"; "" = the image's
  std::string working_directory;  ///< "" = the image's
  std::vector<Mount> mounts;      ///< the gate's come first, then the user's
  Resources resources;
  Network network;
  Security security;
};

struct Started {
  pid_t pid = 0;       ///< on the host; may have ended by now: take a pidfd, then check its cgroup.
                       ///< 0: it had ended before its pid was read
  std::string cgroup;  ///< path below the hierarchies' roots; of this container alone
};

struct ExitStatus {
  int code = 0;
  int signal = 0;  ///< != 0: killed by it
};

enum class State : std::uint8_t { kIncomplete, kRunning, kStopped };

struct Container {
  std::string name;
  std::map<std::string, std::string> labels;  ///< empty where only a part without labels is left
  State state = State::kIncomplete;
  pid_t pid = 0;                     ///< of a running one
  std::string cgroup;                ///< as in Started
  std::optional<ExitStatus> status;  ///< of a stopped one, where it is known
};

}  // namespace mayfly::runtime
