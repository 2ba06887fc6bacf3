// What the command does, a function for each verb; the arguments are parsed already.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "agent/cli/client.h"
#include "agent/cli/outcome.h"
#include "agent/cli/output.h"

namespace mayfly::cli {

enum class Format : std::uint8_t { kTable, kWide, kJson, kName };

struct Context {
  Client& client;
  Output& out;
  Format format = Format::kTable;
};

/// Present: wait until it is so, at most that long.
using Wait = std::optional<std::chrono::milliseconds>;

enum class Kind : std::uint8_t { kPools, kWorkers, kSpares, kExits, kImages };

struct StatusOptions {
  bool watch = false;
};

struct GetOptions {
  Kind kind = Kind::kPools;
  std::string pool;  ///< "" = all
  std::uint32_t limit = 100;
  bool watch = false;
};

struct EventOptions {
  bool follow = false;
  std::optional<std::uint64_t> tail;
};

struct LogOptions {
  bool follow = false;
  bool error_stream = false;
  std::optional<std::uint64_t> tail;
};

struct ApplyOptions {
  std::vector<std::string> files;
  bool dry_run = false;
  Wait wait;
};

struct DeleteOptions {
  std::vector<std::string> names;
  std::vector<std::string> files;
  Wait wait;
};

struct ScaleOptions {
  std::vector<std::pair<std::string, std::uint32_t>> wanted;
  Wait wait;
};

struct DrainOptions {
  /// What still runs then is stopped; 0: at once; none: it is waited for.
  std::optional<std::chrono::milliseconds> deadline;
  Wait wait;
};

/// For a look without a daemon; a daemon knows its own.
struct DoctorOptions {
  std::string config_file = "/etc/mayfly/mayfly.toml";
  std::string state_dir = "/var/lib/mayfly";
  std::string run_dir = "/run/mayfly";
};

// Reading.
[[nodiscard]] Outcome status(Context& context, const StatusOptions& options);
[[nodiscard]] Outcome get(Context& context, const GetOptions& options);
[[nodiscard]] Outcome describe_pool(Context& context, const std::string& name);
[[nodiscard]] Outcome describe_worker(Context& context, const std::string& name);
/// A pool of that name, else a worker.
[[nodiscard]] Outcome describe_any(Context& context, const std::string& name);
/// POOL or POOL/SLOT
[[nodiscard]] Outcome why(Context& context, const std::string& place);
[[nodiscard]] Outcome events(Context& context, const EventOptions& options);
/// Of a worker, or of all workers of a pool.
[[nodiscard]] Outcome logs(Context& context, const std::string& name, const LogOptions& options);
[[nodiscard]] Outcome version(Context& context);
/// Fails when a check does.
[[nodiscard]] Outcome doctor(Context& context, const DoctorOptions& options);

// Changing.
[[nodiscard]] Outcome apply(Context& context, const ApplyOptions& options);
[[nodiscard]] Outcome diff(Context& context, const std::vector<std::string>& files);
[[nodiscard]] Outcome remove(Context& context, const DeleteOptions& options);
[[nodiscard]] Outcome scale(Context& context, const ScaleOptions& options);
/// `verb`: pause, resume or reset.
[[nodiscard]] Outcome change_pools(Context& context, const std::string& verb,
                                   const std::vector<std::string>& names);
/// `verb`: retire or kill.
[[nodiscard]] Outcome stop_workers(Context& context, const std::string& verb,
                                   const std::vector<std::string>& names);
[[nodiscard]] Outcome image_import(Context& context, const std::string& file,
                                   const std::string& name);
/// Returns when it is here; an interrupt leaves the daemon's pull running.
[[nodiscard]] Outcome image_pull(Context& context, const std::string& name);
[[nodiscard]] Outcome image_remove(Context& context, const std::vector<std::string>& names);
enum class Collect : std::uint8_t { kRemove, kDryRun };
[[nodiscard]] Outcome image_collect(Context& context, Collect collect);
[[nodiscard]] Outcome reload(Context& context);
[[nodiscard]] Outcome node_status(Context& context);
[[nodiscard]] Outcome node_cordon(Context& context);
[[nodiscard]] Outcome node_drain(Context& context, const DrainOptions& options);
[[nodiscard]] Outcome node_undrain(Context& context);

/// Needs no daemon.
[[nodiscard]] Outcome config_check(Output& out, const std::string& file);

// Waiting, for the verbs that can.
/// Full, and filled with the revision that is wanted.
[[nodiscard]] Outcome wait_until_filled(Context& context, const std::string& pool,
                                        std::chrono::milliseconds timeout);
[[nodiscard]] Outcome wait_until_gone(Context& context, const std::string& pool,
                                      std::chrono::milliseconds timeout);

/// No worker is left on the node; says how many there are meanwhile.
[[nodiscard]] Outcome wait_until_drained(Context& context, std::chrono::milliseconds timeout);

void print_json(Output& out, const Json& json);
using ShowResult = std::string (*)(const Json& result, const Output& out);
/// What a change of one pool has done, one of several perhaps: as JSON, an object a line.
void print_result(Output& out, Format format, const Json& result, ShowResult show);

}  // namespace mayfly::cli
