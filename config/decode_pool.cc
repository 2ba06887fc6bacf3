#include <algorithm>
#include <limits>

#include "config/check.h"
#include "config/decode.h"
#include "config/names.h"
#include "config/section.h"

namespace mayfly::config {
namespace {

constexpr std::uint64_t kKiB = 1ULL << 10;
constexpr std::uint64_t kMiB = 1ULL << 20;
constexpr std::uint64_t kGiB = 1ULL << 30;
constexpr std::uint64_t kTiB = 1ULL << 40;

constexpr std::size_t kCommandBytesMax = 64 * kKiB;  // with room to spare in the limits of execve
constexpr std::size_t kEnvBytesMax = 64 * kKiB;
constexpr std::size_t kSelectorBytesMax = 16 * kKiB;
constexpr std::size_t kMountsMax = 64;
constexpr Range<std::uint32_t> kReplicas{0, 1000};
constexpr Range<std::uint32_t> kStandby{0, 64};

void decode_mounts(Section& in, std::vector<Mount>& out) {
  if (in.find("mounts") == nullptr) return;
  std::vector<Mount> mounts;
  in.tables("mounts", kMountsMax, [&mounts](Section& entry) {
    Mount mount;
    entry.require("source");
    entry.require("target");
    entry.text("source", mount.source, check_path);
    entry.text("target", mount.target, check_mount_target);
    entry.flag("read_only", mount.read_only);
    const bool twice =
        !mount.target.empty() && std::any_of(mounts.begin(), mounts.end(), [&](const Mount& other) {
          return other.target == mount.target;
        });
    if (twice) entry.complain("target", "is the target of another mount too");
    mounts.push_back(std::move(mount));
  });
  out = std::move(mounts);
}

void decode_resources(Section& in, Resources& out) {
  double cpu = 0;
  if (in.number("cpu", cpu, {0.01, 1024})) out.cpu = cpu;
  std::uint64_t memory = 0;
  if (in.size("memory", memory, {4 * kMiB, 1024 * kTiB})) out.memory_bytes = memory;
  in.integer("pids", out.pids, {1, 4'194'304});  // the kernel's own limit of pids
}

void decode_security(Section& in, Security& out) {
  in.flag("seccomp", out.seccomp);
  in.flag("no_new_privileges", out.no_new_privileges);
  in.flag("read_only_rootfs", out.read_only_rootfs);
  in.texts("capabilities", out.capabilities, check_capability, 4 * kKiB);
  const std::set<std::string> once{out.capabilities.begin(), out.capabilities.end()};
  if (once.size() != out.capabilities.size()) in.complain("capabilities", "names one twice");
}

void decode_backoff(Section& in, Backoff& out) {
  in.duration("initial", out.initial, {1ms, 1h});
  in.number("factor", out.factor, {1, 100});
  in.duration("max", out.max, {1ms, 24h});
  in.duration("reset_after", out.reset_after, {0s, 24h});
  if (out.max < out.initial) in.complain("max", "must not be less than initial");
}

void decode_lifetime(Section& in, Lifetime& out) {
  in.duration("stop_grace", out.stop_grace, {0s, 24h});
  in.later("max", "workers live until they exit");
  in.later("hard", "workers live until they exit");
}

void decode_logs(Section& in, Logs& out) {
  in.size("worker", out.worker_bytes, {4 * kKiB, kGiB});
  in.size("pool", out.pool_bytes, {64 * kKiB, 64 * kGiB});
  if (out.pool_bytes < out.worker_bytes) in.complain("pool", "must not be less than worker");
}

bool is_table(const Tree* given) {
  return given != nullptr && std::holds_alternative<Table>(given->value);
}

void decode_replicas(Section& in, Pool& pool) {
  if (is_table(in.find("replicas"))) {
    in.complain("replicas",
                "a total over the fleet needs a coordinator, which holds the pool for all nodes; "
                "write replicas = N, a number per node");
    return;
  }
  in.integer("replicas", pool.replicas, kReplicas);
}

void decode_fleet_replicas(Section& in, FleetPool& fleet_pool) {
  if (!is_table(in.find("replicas"))) return decode_replicas(in, fleet_pool.pool);
  std::uint32_t total = 0;
  in.table("replicas", [&total](Section& section) {
    section.require("total");
    section.integer("total", total, {0, kTotalMax});
  });
  fleet_pool.total = total;
  fleet_pool.pool.replicas = 0;
}

void decode_standby(Section& in, Pool& pool) {
  static constexpr std::string_view kWanted = "must be \"auto\" or a whole number from 0 to 64";
  const Tree* given = in.find("standby");
  if (given == nullptr) return;
  if (const auto* word = std::get_if<std::string>(&given->value);
      word != nullptr && *word == kAuto) {
    pool.standby.reset();
    return;
  }
  const auto* number = std::get_if<std::int64_t>(&given->value);
  if (number == nullptr || *number < kStandby.min || *number > kStandby.max) {
    in.complain("standby", kWanted);
    return;
  }
  pool.standby = static_cast<std::uint32_t>(*number);
}

void decode_renew(Section& in) {
  static constexpr std::array<std::string_view, 2> kRenews{"container", "nest"};
  if (in.pick("renew", kRenews) == 1) {
    in.complain("renew", "\"nest\" is not yet available in this version; use \"container\"");
  }
}

void decode_worker(Section& in, Template& out) {
  in.require("image");
  in.text("image", out.image, check_image);
  in.texts("command", out.command, check_any, kCommandBytesMax);
  if (!out.command.empty() && out.command.front().empty()) {
    in.complain("command", "must not begin with an empty string");
  }
  in.choice("hold", out.hold, kHolds);
  in.text("network", out.network, check_network);
  in.text("user", out.user, check_user);
  in.text("working_directory", out.working_directory, check_optional_path);
  in.map("env", out.env, {check_env_name, check_any}, kEnvBytesMax);
  decode_mounts(in, out.mounts);
  in.table("resources", [&out](Section& section) { decode_resources(section, out.resources); });
  in.table("security", [&out](Section& section) { decode_security(section, out.security); });
}

void decode_all(Section& in, Pool& pool) {
  in.require("name");
  in.text("name", pool.name, check_pool_name);
  in.choice("pull", pool.pull, kPulls);
  decode_standby(in, pool);
  in.duration("spare_max_age", pool.spare_max_age, {1s, 720h});
  decode_renew(in);
  decode_worker(in, pool.worker);
  in.table("lifetime", [&pool](Section& section) { decode_lifetime(section, pool.lifetime); });
  in.table("backoff", [&pool](Section& section) { decode_backoff(section, pool.backoff); });
  in.table("logs", [&pool](Section& section) { decode_logs(section, pool.logs); });
  in.later("exit", "exit 0 is done, anything else a failure");
  in.later("rollout", "workers are replaced by the new revision as they exit");
  in.later("elastic", "write replicas = N");
  in.later("completions", "");
  in.later("queue", "");
}

void decode_stamp(Section& in, Stamp& out) {
  in.integer("revision", out.revision, {1, std::numeric_limits<std::uint32_t>::max()});
  in.text("changed_by", out.changed_by, check_remark);
  in.text("changed_at", out.changed_at, check_remark);
  in.text("change", out.change, check_remark);
}

}  // namespace

void decode_pool(const Tree& root, Pool& pool, Report& report) {
  Section in{root, {}, report};
  decode_replicas(in, pool);
  decode_all(in, pool);
  in.finish();
}

void decode_fleet_pool(const Tree& root, FleetPool& fleet_pool, Report& report) {
  Section in{root, {}, report};
  in.flag("deleted", fleet_pool.deleted);
  if (fleet_pool.deleted) {  // whatever else it was
    report.mute();
    decode_stamp(in, fleet_pool.stamp);
    report.unmute();
    return;
  }
  decode_stamp(in, fleet_pool.stamp);
  in.map("selector", fleet_pool.selector, {check_label, check_label}, kSelectorBytesMax);
  if (in.find("paused") != nullptr) {
    fleet_pool.paused = false;
    in.flag("paused", *fleet_pool.paused);
  }
  decode_fleet_replicas(in, fleet_pool);
  decode_all(in, fleet_pool.pool);
  in.finish();
}

std::set<std::string> pool_keys() {
  const Tree entry{.at = {}, .value = Table{}};
  const Tree root{.at = {}, .value = Table{{"mounts", {}, Tree{.at = {}, .value = Array{entry}}}}};
  Report report{"", Report::Style::kDotted};
  Pool pool;
  decode_pool(root, pool, report);
  std::set<std::string> keys;
  for (std::string key : report.keys) {
    if (const auto index = key.find("[0]"); index != std::string::npos) key.erase(index + 1, 1);
    keys.insert(std::move(key));
  }
  return keys;
}

}  // namespace mayfly::config
