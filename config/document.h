// The configuration as plain structs; every default stands here once. The same shape is TOML on
// disk and JSON on the API. Knows no files, no runtime and no core.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "config/coordinator.h"
#include "config/registry.h"
#include "config/webhook.h"

namespace mayfly::config {

using std::chrono::milliseconds;
using namespace std::chrono_literals;

enum class Hold : std::uint8_t { kExec, kGate, kApp };

/// When a registry is asked which image a tag is, and for the image.
enum class Pull : std::uint8_t { kMissing, kAlways, kNever };

/// What a worker's network may be beside a network that Docker or Podman knows by its name.
inline constexpr const char* kNetworkNone = "none";
inline constexpr const char* kNetworkHost = "host";

struct Mount {
  std::string source;
  std::string target;
  bool read_only = false;
  bool operator==(const Mount&) const = default;
};

struct Resources {
  std::optional<double> cpu;                  ///< cores
  std::optional<std::uint64_t> memory_bytes;  ///< "512MiB"
  std::uint32_t pids = 256;
  bool operator==(const Resources&) const = default;
};

struct Security {
  bool seccomp = true;
  bool no_new_privileges = true;
  bool read_only_rootfs = false;
  std::vector<std::string> capabilities;  ///< "CAP_NET_BIND_SERVICE"
  bool operator==(const Security&) const = default;
};

struct Logs {
  std::uint64_t worker_bytes = 256 * 1024;      ///< kept per worker
  std::uint64_t pool_bytes = 16 * 1024 * 1024;  ///< kept per pool, ended workers included
  bool operator==(const Logs&) const = default;
};

struct Lifetime {
  milliseconds stop_grace = 30s;
  bool operator==(const Lifetime&) const = default;
};

struct Backoff {
  milliseconds initial = 100ms;
  double factor = 2.0;
  milliseconds max = 30s;
  milliseconds reset_after = 10s;
  bool operator==(const Backoff&) const = default;
};

/// What makes a revision: a change of anything here is a new one.
struct Template {
  std::string image;
  std::vector<std::string> command;  ///< empty: the image's own
  std::map<std::string, std::string> env;
  std::string user;
  std::string working_directory;
  std::vector<Mount> mounts;
  Resources resources;
  std::string network = kNetworkNone;  ///< or kNetworkHost, or the name of one of the runtime's
  Security security;
  Hold hold = Hold::kExec;
  bool operator==(const Template&) const = default;
};

struct Pool {
  std::string name;
  Template worker;
  // What follows applies at once.
  Pull pull = Pull::kMissing;
  std::uint32_t replicas = 1;
  std::optional<std::uint32_t> standby;  ///< none = "auto"
  milliseconds spare_max_age = 1h;
  Lifetime lifetime;
  Backoff backoff;
  Logs logs;
  bool operator==(const Pool&) const = default;
};

struct Node {
  std::string name;  ///< "": the host's name
  std::map<std::string, std::string> labels;
  milliseconds shutdown_drain = 60s;  ///< when the host goes down: to end without being stopped
  bool operator==(const Node&) const = default;
};

inline constexpr const char* kContainerd = "containerd";
inline constexpr const char* kDocker = "docker";
inline constexpr const char* kPodman = "podman";

inline constexpr const char* kNoUnit = "none";  ///< as runtime.unit: systemd is not asked

struct Runtime {
  std::string kind = kContainerd;
  std::string socket = "";            ///< "": the kind's own; see socket_of
  std::string name_space = "mayfly";  ///< key: namespace
  std::string snapshotter = "overlayfs";
  std::string cgroup_parent = "/mayfly";
  std::uint32_t cpu_weight = 1000;  ///< of all workers together; another cgroup has 100
  std::string unit = "";            ///< systemd's of the runtime; see unit_of
  std::string gate = "";            ///< path of mayfly-gate; "": beside mayflyd, then libexec
  bool operator==(const Runtime&) const = default;
};

inline constexpr const char* kSocketNone = "none";

struct Control {
  std::string socket = "";  ///< "": <run-dir>/mayfly.sock
  std::string group = "mayfly";
  std::string read_socket = "";  ///< "": <run-dir>/read.sock; or kSocketNone
  std::string read_group = "mayfly-read";
  bool operator==(const Control&) const = default;
};

struct Starts {
  std::uint32_t parallel = 0;  ///< 0 = twice the number of cpus
  double rate = 0;             ///< per second; 0 = no limit
  std::uint32_t burst = 10;
  bool operator==(const Starts&) const = default;
};

struct Loop {
  bool realtime = true;  ///< SCHED_FIFO for the loop's thread where the host allows it
  bool operator==(const Loop&) const = default;
};

struct History {
  std::uint32_t exits = 10'000;  ///< exit records kept
  milliseconds age = 168h;       ///< and for how long
  bool operator==(const History&) const = default;
};

struct Images {
  std::string docker_config = "/root/.docker/config.json";  ///< credentials; "" = none
  std::uint32_t layers_parallel = 3;                        ///< fetched at a time by one pull
  milliseconds keep = 168h;                  ///< an image that nothing uses goes after this
  std::uint32_t disk_free_min_percent = 15;  ///< key: disk_free_min; below it, sooner
  bool operator==(const Images&) const = default;
};

struct Log {
  std::string level = "info";  ///< debug | info | warning | error
  bool operator==(const Log&) const = default;
};

/// /etc/mayfly/mayfly.toml, merged with conf.d/*.toml beside it in the order of their names.
struct Daemon {
  Node node;
  Runtime runtime;
  Control control;
  Starts starts;
  Loop loop;
  History history;
  Images images;
  std::map<std::string, Registry> registries;  ///< by "host" or "host:port", as images name them
  Coordinator coordinator;
  Webhook webhook;
  Log log;
  bool operator==(const Daemon&) const = default;
};

/// Everything that was read. Each pool comes from one file in pools.d/.
struct Document {
  Daemon daemon;
  std::map<std::string, Pool> pools;
  std::map<std::string, std::string> pool_files;  ///< pool → the file that defines it
};

/// One thing wrong with the input. Faults are collected, never thrown one at a time.
struct Fault {
  std::string file;          ///< as given; "request" for the API
  std::uint32_t line = 0;    ///< 1-based; 0 = the file as a whole
  std::uint32_t column = 0;  ///< 1-based
  std::string what;          ///< what is wrong and what to do
};

}  // namespace mayfly::config
