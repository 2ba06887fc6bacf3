// The interface to a container runtime. A driver knows how containers are made, listed and removed;
// it refuses to know pools, slots, policies and gates' contents (a gate is two mounts to it). It is
// owned by the agent, used on the loop's thread only, and calls back on that thread, never from
// within the call that asked. Destruction cancels all work and calls nothing back.
//
// What a driver promises: every call is answered at most once, within its own deadline. What it
// does not: that an answer comes soon, or that an operation whose answer is Fault::kUnknown did not
// happen.
#pragma once

#include <sys/types.h>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <utility>
#include <variant>
#include <vector>

namespace mayfly::runtime {

enum class FaultKind : std::uint8_t {
  kRefused,   ///< the runtime says no, and would say so again: bad image, bad spec
  kFailed,    ///< it did not work this time and has been undone
  kNotFound,  ///< the thing named is not there (authoritative)
  kUnknown,   ///< no answer, or a broken one: it may or may not have happened
};

struct Fault {
  FaultKind kind = FaultKind::kFailed;
  std::string what;  ///< one line for people; each layer has added its context once
};

template <class T>
using Result = tl::expected<T, Fault>;

/// Called at most once, on the loop.
template <class T>
using Done = std::function<void(Result<T>)>;

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

enum class Network : std::uint8_t { kNone, kHost };

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
  std::vector<std::string> entrypoint;  ///< what the runtime starts: the gate and its arguments
  std::vector<std::string> command;     ///< of the pool; empty = entrypoint + cmd of the image
  std::vector<std::pair<std::string, std::string>> env;  ///< over the image's own
  std::string user;               ///< "", "uid", "uid:gid" or "name[:group]"; "" = the image's
  std::string working_directory;  ///< "" = the image's
  std::vector<Mount> mounts;      ///< the gate's come first, then the user's
  Resources resources;
  Network network = Network::kNone;
  Security security;
};

struct Image {
  std::string name;    ///< as asked for
  std::string digest;  ///< "sha256:…", of the manifest for this platform
  std::uint64_t size_bytes = 0;
};

struct Started {
  pid_t pid = 0;  ///< on the host; may have ended by now: take a pidfd, then check its cgroup
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
  std::optional<ExitStatus> status;  ///< of a stopped one, where it is known
};

/// Which objects are ours: labels[label] == value, and names that start with name_prefix (parts
/// without labels). Nothing else is ever touched.
struct Ownership {
  std::string label;
  std::string value;
  std::string name_prefix;
};

struct Hint {
  enum class Kind : std::uint8_t {
    kChanged,  ///< something happened to a container of ours: look soon
    kLost,     ///< the runtime does not answer
    kFound,    ///< it answers (again)
  };
  Kind kind = Kind::kChanged;
  std::string what;
};

struct Version {
  std::string runtime;  ///< "containerd"
  std::string version;
};

class Driver {
 public:
  virtual ~Driver() = default;

  /// Hints come for as long as the driver lives; none is owed. Connecting starts here.
  virtual void start(std::function<void(Hint)> on_hint) = 0;

  virtual void version(Done<Version> done) = 0;

  /// Makes `name` (a reference or a digest) usable by create. Idempotent. Faults: kNotFound when it
  /// is not here, kRefused when it is here and unusable (platform, manifest), kUnknown.
  virtual void prepare_image(const std::string& name, Done<Image> done) = 0;

  /// Imports a docker-archive or OCI tar from a local file, unpacked and ready. `name` overrides
  /// the names it carries. Long; several may run. Faults: kRefused (the file is at fault), kFailed.
  virtual void import_image(const std::string& file, const std::optional<std::string>& name,
                            Done<std::vector<Image>> done) = 0;

  virtual void list_images(Done<std::vector<Image>> done) = 0;

  /// Creates and starts; all or nothing. REQUIRES: spec.image is a digest from prepare_image.
  /// A fault other than kUnknown means that nothing of it is left.
  virtual void create(ContainerSpec spec, Done<Started> done) = 0;

  /// The exit status of a container that has ended. None: it will never be known. kNotFound: no
  /// such container. kFailed: it still runs. kUnknown: ask again.
  virtual void exit_status(const std::string& name, Done<std::optional<ExitStatus>> done) = 0;

  /// Removes every part, killing what runs; what is not there counts as removed. Idempotent. Any
  /// fault: ask again.
  virtual void remove(const std::string& name, Done<std::monostate> done) = 0;

  /// All containers of ours, complete or not, also parts left without a record.
  virtual void list(Done<std::vector<Container>> done) = 0;
};

}  // namespace mayfly::runtime
