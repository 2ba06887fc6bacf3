#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "agent/cli/fleet/show.h"
#include "agent/cli/fleet/verbs.h"
#include "agent/cli/fleet/views.h"
#include "agent/cli/pool_files.h"
#include "agent/cli/text.h"

namespace mayfly::cli::fleet {
namespace {

/// A document that is to take the place of another.
struct Change {
  PoolKey before;
  config::FleetPool after;
};

config::FleetPool bare(config::FleetPool document) {
  document.stamp = {};
  document.paused = document.paused.value_or(false);
  return document;
}

bool changes_something(const Change& change) {
  return change.before.mod_revision == 0 || !change.before.fault.empty() ||
         !(bare(change.before.document) == bare(change.after));
}

const char* kind_of(const Change& change) {
  if (!changes_something(change)) return "unchanged";
  if (change.after.deleted) return "deleted";
  return change.before.is_there() ? "changed" : "created";
}

Json result_of(const Change& change) {
  const config::FleetPool nothing;
  const bool is_new = !change.before.is_there() || !change.before.fault.empty();
  const config::Diff diff = config::diff(is_new ? nothing : change.before.document, change.after);
  Json changes = Json::array();
  for (const config::Difference& each : diff.changes) {
    changes.push_back({{"key", each.key}, {"from", each.from}, {"to", each.to}});
  }
  return {{"pool", change.before.name},
          {"kind", kind_of(change)},
          {"new_revision", diff.new_revision},
          {"revision", change.before.document.stamp.revision},
          {"mod_revision", change.before.mod_revision},
          {"changes", std::move(changes)},
          {"replaced_fault", change.before.fault}};
}

/// Writes it and says so. What stands there from then on.
Result<Goal> carry_out(Fleet& fleet, const Change& change, const std::string& note) {
  Goal goal{change.before.name, change.before.mod_revision, change.after};
  Json result = result_of(change);
  if (changes_something(change)) {
    const auto written = fleet.desk.write(change.before, change.after);
    if (!written) return tl::unexpected(written.error());
    goal.mod_revision = written->mod_revision;
    result["revision"] = written->revision;
    result["mod_revision"] = written->mod_revision;
    if (!written->overtaken.empty()) result["overtaken"] = written->overtaken;
  }
  if (!note.empty()) result["note"] = note;
  print_result(fleet.out, fleet.format, result, show_change);
  return goal;
}

Outcome carry_out_all(Fleet& fleet, const std::vector<Change>& changes, const Wait& wait) {
  std::vector<Goal> goals;
  for (const Change& change : changes) {
    auto goal = carry_out(fleet, change, "");
    if (!goal) return tl::unexpected(goal.error());
    goals.push_back(std::move(*goal));
  }
  return wait ? wait_until_run(fleet, goals, *wait) : Outcome{};
}

Outcome check_expected(const PoolKey& before, const config::FleetPool& given) {
  const std::uint32_t wanted = given.stamp.revision;
  const std::uint32_t found = before.document.stamp.revision;
  if (wanted == 0 || wanted == found) return {};
  const std::string by = before.document.stamp.changed_by;
  return fail(ExitCode::kRefused,
              "pool " + before.name + ": the file was made from revision " +
                  std::to_string(wanted) + ", and the fleet has revision " + std::to_string(found) +
                  (by.empty() ? "" : ", by " + printable(by)) +
                  ": look at it, then take `revision` out of the file or put that one in");
}

/// What the files make of the fleet; nothing is written.
Result<std::vector<Change>> plan(Fleet& fleet, const std::vector<std::string>& files) {
  auto given = read_fleet_pools(files);
  if (!given) return tl::unexpected(given.error());
  std::vector<Change> changes;
  std::set<std::string> names;
  for (config::FleetPool& document : *given) {
    const std::string name = document.pool.name;
    if (document.deleted) {
      return fail(ExitCode::kUsage, "a file says deleted = true; `mayfly delete POOL` ends a pool");
    }
    if (!names.insert(name).second) {
      return fail(ExitCode::kError, "pool " + name + " is in the files twice");
    }
    auto before = fleet.desk.pool(name);
    if (!before) return tl::unexpected(before.error());
    if (const auto good = check_expected(*before, document); !good) {
      return tl::unexpected(good.error());
    }
    // A pool that is paused stays so unless the file says otherwise.
    if (!document.paused) document.paused = before->document.paused;
    changes.push_back({std::move(*before), std::move(document)});
  }
  return changes;
}

Outcome show_plan(Fleet& fleet, const std::vector<std::string>& files) {
  const auto changes = plan(fleet, files);
  if (!changes) return tl::unexpected(changes.error());
  for (const Change& change : *changes)
    print_result(fleet.out, fleet.format, result_of(change), show_difference);
  return {};
}

/// A pool that is there and can be read: one thing of it is to change.
Result<PoolKey> readable(Fleet& fleet, const std::string& name) {
  auto key = fleet.desk.pool(name);
  if (!key) return key;
  if (!key->is_there()) {
    return fail(ExitCode::kNotFound, "there is no pool \"" + printable(name) + "\"");
  }
  if (key->fault.empty()) return key;
  return fail(ExitCode::kError, "pool " + name + ": its document cannot be read: " +
                                    printable(key->fault) + "; apply a good one");
}

std::string how_it_ends(const std::string& pool, const Roster& roster) {
  const Remains remains = remains_of(pool, roster);
  if (remains.nodes.empty()) return "no live node has it";
  return some_of(remains.nodes) + ": " + std::to_string(remains.workers) +
         " workers are stopped, with the pool's grace; a node that is away does it when it is back";
}

Outcome remove_one(Fleet& fleet, const std::string& name, const Roster& roster) {
  const auto before = fleet.desk.pool(name);
  if (!before) return tl::unexpected(before.error());
  if (!before->is_there()) {
    return fail(ExitCode::kNotFound, "there is no pool \"" + printable(name) + "\"");
  }
  config::FleetPool tombstone;
  tombstone.deleted = true;
  const auto done = carry_out(fleet, {*before, tombstone}, how_it_ends(name, roster));
  return done ? Outcome{} : tl::unexpected(done.error());
}

enum class Pause : std::uint8_t { kOn, kOff };

Outcome set_paused(Fleet& fleet, const std::vector<std::string>& pools, Pause pause) {
  std::vector<Change> changes;
  for (const std::string& name : pools) {
    const auto key = readable(fleet, name);
    if (!key) return tl::unexpected(key.error());
    Change change{*key, key->document};
    change.after.paused = pause == Pause::kOn;
    changes.push_back(std::move(change));
  }
  return carry_out_all(fleet, changes, std::nullopt);
}

}  // namespace

Outcome apply(Fleet& fleet, const ApplyOptions& options) {
  if (options.dry_run) return show_plan(fleet, options.files);
  const auto changes = plan(fleet, options.files);
  if (!changes) return tl::unexpected(changes.error());
  return carry_out_all(fleet, *changes, options.wait);
}

Outcome diff(Fleet& fleet, const std::vector<std::string>& files) {
  return show_plan(fleet, files);
}

Outcome remove(Fleet& fleet, const DeleteOptions& options) {
  std::vector<std::string> names = options.names;
  if (!options.files.empty()) {
    const auto given = read_fleet_pools(options.files);
    if (!given) return tl::unexpected(given.error());
    for (const config::FleetPool& each : *given) names.push_back(each.pool.name);
  }
  if (names.empty()) return fail(ExitCode::kUsage, "name a pool, or give a file with -f");
  const auto roster = read_nodes(fleet.desk);
  if (!roster) return tl::unexpected(roster.error());
  for (const std::string& name : names) {
    if (const auto done = remove_one(fleet, name, *roster); !done) return done;
  }
  return options.wait ? wait_until_gone(fleet, names, *options.wait) : Outcome{};
}

Outcome scale(Fleet& fleet, const ScaleOptions& options) {
  std::vector<Change> changes;
  for (const auto& [name, replicas] : options.wanted) {
    const auto key = readable(fleet, name);
    if (!key) return tl::unexpected(key.error());
    config::FleetPool after = key->document;
    (after.total ? *after.total : after.pool.replicas) = replicas;
    // What a node would refuse is not written.
    const auto checked = config::parse_fleet_pool_json(config::to_json(after));
    if (!checked) return fail(ExitCode::kError, checked.error().front().what);
    changes.push_back({*key, std::move(after)});
  }
  return carry_out_all(fleet, changes, options.wait);
}

Outcome pause(Fleet& fleet, const std::vector<std::string>& pools) {
  return set_paused(fleet, pools, Pause::kOn);
}

Outcome resume(Fleet& fleet, const std::vector<std::string>& pools) {
  return set_paused(fleet, pools, Pause::kOff);
}

Outcome order(Fleet& fleet, const OrderOptions& options) {
  std::vector<Given> given;
  for (const std::string& node : options.nodes) {
    const auto id = fleet.desk.order(node, options.order);
    if (!id) return tl::unexpected(id.error());
    given.push_back({node, *id, options.order.scheduling});
    const Json result{{"node", node}, {"ordered", options.order.scheduling}, {"id", *id}};
    if (fleet.format == Format::kJson) {
      fleet.out.write(result.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
    } else if (fleet.format == Format::kName) {
      fleet.out.write(printable(node) + "\n");
    } else {
      fleet.out.write("node " + printable(node) + ": to be " + options.order.scheduling + "\n");
    }
  }
  return options.wait ? wait_until_obeyed(fleet, given, *options.wait) : Outcome{};
}

}  // namespace mayfly::cli::fleet
