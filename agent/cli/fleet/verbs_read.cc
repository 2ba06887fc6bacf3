#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/cli/fields.h"
#include "agent/cli/fleet/show.h"
#include "agent/cli/fleet/verbs.h"
#include "agent/cli/fleet/views.h"
#include "agent/cli/text.h"

namespace mayfly::cli::fleet {
namespace {

std::string pretty(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string names(const Json& rows) {
  std::string out;
  for (const Json& row : rows) out += printable(text(row, "name")) + "\n";
  return out;
}

Detail detail_of(Format format) {
  return format == Format::kWide ? Detail::kWide : Detail::kUsual;
}

/// What a look at the fleet shows.
struct Look {
  std::vector<PoolKey> pools;
  Roster roster;
};

Result<Look> look_at(Desk& desk) {
  auto pools = desk.pools();
  if (!pools) return tl::unexpected(pools.error());
  auto roster = read_roster(desk);
  if (!roster) return tl::unexpected(roster.error());
  return Look{std::move(*pools), std::move(*roster)};
}

Failure no_such_pool(const std::string& name) {
  return {ExitCode::kNotFound, "there is no pool \"" + printable(name) + "\""};
}

Result<std::string> nodes_page(Fleet& fleet) {
  const auto roster = read_roster(fleet.desk);
  if (!roster) return tl::unexpected(roster.error());
  const Json view = nodes_view(fleet.desk.cluster(), *roster);
  if (fleet.format == Format::kJson) return pretty(view);
  if (fleet.format == Format::kName) return names(array(view, "nodes"));
  return show_fleet_nodes(view, detail_of(fleet.format), fleet.out);
}

Result<std::string> pools_page(Fleet& fleet, const std::string& pool) {
  auto look = look_at(fleet.desk);
  if (!look) return tl::unexpected(look.error());
  if (!pool.empty()) {
    std::erase_if(look->pools, [&pool](const PoolKey& each) { return each.name != pool; });
  }
  const Json view = pools_view(fleet.desk.cluster(), look->pools, look->roster);
  if (!pool.empty() && array(view, "pools").empty()) return tl::unexpected(no_such_pool(pool));
  if (fleet.format == Format::kJson) return pretty(view);
  if (fleet.format == Format::kName) return names(array(view, "pools"));
  return show_fleet_pools(view, detail_of(fleet.format), fleet.out);
}

Result<std::string> status_page(Fleet& fleet) {
  const auto look = look_at(fleet.desk);
  if (!look) return tl::unexpected(look.error());
  const Json view = status_view(fleet.desk.cluster(), look->pools, look->roster);
  if (fleet.format == Format::kJson) return pretty(view);
  if (fleet.format == Format::kName) return names(array(view, "pools"));
  return show_fleet_status(view, fleet.out);
}

void print(Fleet& fleet, const Json& view, std::string (*show)(const Json&, const Output&)) {
  if (fleet.format == Format::kJson) {
    print_json(fleet.out, view);
  } else if (fleet.format == Format::kName) {
    fleet.out.write(printable(text(view, "name")) + "\n");
  } else {
    fleet.out.write(show(view, fleet.out));
  }
}

}  // namespace

Outcome status(Fleet& fleet, Showing showing) {
  return show_page(
      fleet.out, [&fleet] { return status_page(fleet); }, showing);
}

Outcome get_nodes(Fleet& fleet, Showing showing) {
  return show_page(
      fleet.out, [&fleet] { return nodes_page(fleet); }, showing);
}

Outcome get_pools(Fleet& fleet, const std::string& pool, Showing showing) {
  return show_page(
      fleet.out, [&fleet, &pool] { return pools_page(fleet, pool); }, showing);
}

Outcome describe_node(Fleet& fleet, const std::string& name) {
  const auto roster = read_roster(fleet.desk);
  if (!roster) return tl::unexpected(roster.error());
  const auto node = std::find_if(roster->begin(), roster->end(),
                                 [&name](const Node& each) { return each.name == name; });
  if (node == roster->end()) {
    return fail(ExitCode::kNotFound, "there is no node \"" + printable(name) + "\"");
  }
  print(fleet, node_view(*node), show_fleet_node);
  return {};
}

Outcome describe_pool(Fleet& fleet, const std::string& name) {
  const auto look = look_at(fleet.desk);
  if (!look) return tl::unexpected(look.error());
  const auto pool = std::find_if(look->pools.begin(), look->pools.end(), [&name](const auto& each) {
    return each.name == name && each.is_there();
  });
  if (pool == look->pools.end()) return tl::unexpected(no_such_pool(name));
  Json view = why_view(*pool, look->roster);
  view["document"] = document_view(*pool, Stamps::kKept);
  if (fleet.format == Format::kJson || fleet.format == Format::kName) {
    print(fleet, view, show_fleet_why);
    return {};
  }
  const Json rows = pools_view(fleet.desk.cluster(), {*pool}, look->roster);
  fleet.out.write(
      show_fleet_pools(rows, Detail::kWide, fleet.out) + "\n" + show_fleet_why(view, fleet.out) +
      "\ndocument\n" +
      printable_lines(view["document"].dump(2, ' ', false, Json::error_handler_t::replace)) + "\n");
  return {};
}

Outcome why(Fleet& fleet, const std::string& pool) {
  const auto key = fleet.desk.pool(pool);
  if (!key) return tl::unexpected(key.error());
  if (!key->is_there()) return tl::unexpected(no_such_pool(pool));
  const auto roster = read_roster(fleet.desk);
  if (!roster) return tl::unexpected(roster.error());
  print(fleet, why_view(*key, *roster), show_fleet_why);
  return {};
}

Outcome history(Fleet& fleet, const std::string& pool) {
  const auto revisions = fleet.desk.history(pool);
  if (!revisions) return tl::unexpected(revisions.error());
  if (revisions->empty()) {
    return fail(ExitCode::kNotFound, "there is no history of a pool \"" + printable(pool) + "\"");
  }
  const Json view = history_view(pool, *revisions);
  if (fleet.format != Format::kName) {
    print(fleet, view, show_fleet_history);
    return {};
  }
  for (const Json& row : array(view, "revisions")) fleet.out.write(text(row, "revision") + "\n");
  return {};
}

Outcome list_contexts(const Choice& choice, Output& out, Format format) {
  const auto contexts = known_contexts(choice);
  if (!contexts) return tl::unexpected(contexts.error());
  const std::string meant = meant_context(choice, *contexts);
  Json rows = Json::array();
  for (const auto& [name, context] : *contexts) {
    rows.push_back({{"name", name},
                    {"current", name == meant},
                    {"cluster", context.cluster},
                    {"endpoints", context.endpoints},
                    {"user", context.user}});
  }
  const Json view{{"contexts", rows}};
  if (format == Format::kJson) {
    print_json(out, view);
  } else {
    out.write(format == Format::kName ? names(rows) : show_contexts(view, out));
  }
  return {};
}

Outcome use_context(const Choice& choice, const std::string& name, Output& out) {
  const auto done = choose_from_now_on(choice, name);
  if (done) out.write("--fleet is " + printable(name) + " from now on\n");
  return done;
}

}  // namespace mayfly::cli::fleet
