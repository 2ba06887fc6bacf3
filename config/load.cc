#include "config/load.h"

#include <algorithm>
#include <optional>
#include <system_error>

#include "config/decode.h"
#include "config/file.h"
#include "config/fleet_pool.h"
#include "config/node_order.h"
#include "config/report.h"
#include "config/tree.h"

namespace mayfly::config {
namespace {

constexpr std::size_t kFilesMax = 1024;  ///< in one directory

/// Gathers documents and faults over all files.
class Loader {
 public:
  void daemon(const std::filesystem::path& path) {
    Report report{path.string(), Report::Style::kDotted};
    if (const auto tree = read_tree(path, report)) decode_daemon(*tree, document_.daemon, report);
    keep(report);
  }

  void pool(const std::filesystem::path& path) {
    Report report{path.string(), Report::Style::kDotted};
    if (const auto tree = read_tree(path, report)) {
      Pool pool;
      decode_pool(*tree, pool, report);
      fit(pool, *tree, report);
      add(std::move(pool), *tree, report);
    }
    keep(report);
  }

  /// The *.toml in it, sorted; hidden ones, such as an editor's locks, are not looked at.
  std::vector<std::filesystem::path> files_in(const std::filesystem::path& directory) {
    std::vector<std::filesystem::path> files;
    std::error_code error;
    for (std::filesystem::directory_iterator it{directory, error}, end; !error && it != end;
         it.increment(error)) {
      const std::filesystem::path& path = it->path();
      const bool hidden = path.filename().native().front() == '.';
      if (!hidden && path.extension() == ".toml") files.push_back(path);
      if (files.size() > kFilesMax) {
        fail(directory, "holds more than 1024 files");
        return {};
      }
    }
    if (error && error != std::errc::no_such_file_or_directory) {
      fail(directory, cannot_read(error.value()));
    }
    std::sort(files.begin(), files.end());
    return files;
  }

  tl::expected<Document, Faults> result() {
    if (faults_.empty()) return std::move(document_);
    sort(faults_);
    return tl::unexpected(std::move(faults_));
  }

 private:
  static std::optional<Tree> read_tree(const std::filesystem::path& path, Report& report) {
    auto tree = read_file(path).and_then([](const std::string& text) { return parse_toml(text); });
    if (tree) return std::move(*tree);
    report.add(std::move(tree.error()));
    return std::nullopt;
  }

  /// REQUIRES: the daemon's own files have been read.
  void fit(const Pool& pool, const Tree& tree, Report& report) {
    const std::string wrong = misfit(document_.daemon.runtime, pool);
    if (wrong.empty()) return;
    report.add(Path{}.key("network"), find(tree, "network")->value.at, wrong);
  }

  void add(Pool pool, const Tree& tree, Report& report) {
    if (pool.name.empty()) return;  // it has a fault already
    const std::string file = report.file();
    const auto [known, is_new] = document_.pool_files.emplace(pool.name, file);
    if (!is_new) {
      report.add(Path{}.key("name"), find(tree, "name")->value.at,
                 "the pool " + in_quotes(pool.name) + " is defined in " + known->second + " too");
      return;
    }
    document_.pools.insert_or_assign(pool.name, std::move(pool));
  }

  void fail(const std::filesystem::path& path, std::string what) {
    Report report{path.string(), Report::Style::kDotted};
    report.add(fault_at({}, std::move(what)));
    keep(report);
  }

  void keep(Report& report) {
    for (Fault& fault : report.take()) faults_.push_back(std::move(fault));
  }

  Document document_;
  Faults faults_;
};

template <class T>
tl::expected<T, Faults> parse(const tl::expected<Tree, Fault>& tree, Report report,
                              void (*decode)(const Tree&, T&, Report&)) {
  T pool;
  if (tree) {
    decode(*tree, pool, report);
  } else {
    report.add(tree.error());
  }
  Faults faults = report.take();
  if (faults.empty()) return pool;
  return tl::unexpected(std::move(faults));
}

}  // namespace

tl::expected<Document, Faults> load(const std::filesystem::path& file) {
  Loader loader;
  loader.daemon(file);
  for (const auto& path : loader.files_in(file.parent_path() / "conf.d")) loader.daemon(path);
  for (const auto& path : loader.files_in(file.parent_path() / "pools.d")) loader.pool(path);
  return loader.result();
}

std::string socket_of(const Runtime& runtime) {
  if (!runtime.socket.empty()) return runtime.socket;
  if (runtime.kind == kDocker) return "/var/run/docker.sock";
  if (runtime.kind == kPodman) return "/run/podman/podman.sock";
  return "/run/containerd/containerd.sock";
}

std::string unit_of(const Runtime& runtime) {
  if (runtime.unit == kNoUnit) return "";
  if (!runtime.unit.empty()) return runtime.unit;
  Runtime usual;
  usual.kind = runtime.kind;
  if (socket_of(runtime) != socket_of(usual)) return "";  // whose that is, nobody has said
  return runtime.kind == kPodman ? "podman.socket" : runtime.kind + ".service";
}

std::string misfit(const Runtime& runtime, const Pool& pool) {
  const std::string& network = pool.worker.network;
  const bool named = network != kNetworkNone && network != kNetworkHost;
  if (!named || runtime.kind != kContainerd) return "";
  return "must be \"none\" or \"host\" with containerd, which knows no network " +
         in_quotes(network) + "; runtime.kind = \"docker\" or \"podman\" does";
}

tl::expected<Pool, Faults> parse_pool_toml(std::string_view text, const std::string& file) {
  return parse(parse_toml(text), Report{file, Report::Style::kDotted}, decode_pool);
}

tl::expected<Pool, Faults> parse_pool_json(std::string_view text) {
  return parse(parse_json(text), Report{"request", Report::Style::kPointer}, decode_pool);
}

tl::expected<FleetPool, Faults> parse_fleet_pool_toml(std::string_view text,
                                                      const std::string& file) {
  return parse(parse_toml(text), Report{file, Report::Style::kDotted}, decode_fleet_pool);
}

tl::expected<FleetPool, Faults> parse_fleet_pool_json(std::string_view text) {
  return parse(parse_json(text), Report{"document", Report::Style::kPointer}, decode_fleet_pool);
}

tl::expected<NodeOrder, Faults> parse_drain_json(std::string_view text) {
  return parse(parse_json(text), Report{"request", Report::Style::kPointer}, decode_drain);
}

tl::expected<NodeOrder, Faults> parse_node_order_json(std::string_view text) {
  return parse(parse_json(text), Report{"document", Report::Style::kPointer}, decode_node_order);
}

}  // namespace mayfly::config
