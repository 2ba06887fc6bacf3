#include <nlohmann/json.hpp>

#include "agent/cli/fields.h"
#include "agent/cli/page.h"
#include "agent/cli/show.h"
#include "agent/cli/text.h"
#include "agent/cli/verbs.h"

namespace mayfly::cli {
namespace {

Showing showing(bool watch) {
  return watch ? Showing::kAgain : Showing::kOnce;
}

std::string pretty(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

struct KindEntry {
  const char* target;
  const char* rows;  ///< key of the rows in the answer
  const char* name;  ///< key of a row's name
  std::string (*show)(const Json& rows, Detail detail, const Output& out);
};

KindEntry entry_of(Kind kind) {
  switch (kind) {
    case Kind::kPools:
      return {"/v1/pools", "pools", "name", show_pools};
    case Kind::kWorkers:
      return {"/v1/workers", "workers", "name", show_workers};
    case Kind::kSpares:
      return {"/v1/spares", "spares", "name", show_spares};
    case Kind::kExits:
      return {"/v1/exits", "exits", "worker", show_exits};
    case Kind::kImages:
      return {"/v1/images", "images", "name", show_images};
  }
  return {};
}

std::string target_of(const GetOptions& options) {
  std::string target = entry_of(options.kind).target;
  const bool filters = options.kind == Kind::kWorkers || options.kind == Kind::kSpares ||
                       options.kind == Kind::kExits;
  if (options.kind == Kind::kExits) target += "?limit=" + std::to_string(options.limit);
  if (!options.pool.empty() && filters) {
    target += (options.kind == Kind::kExits ? "&pool=" : "?pool=") + percent_encoded(options.pool);
  }
  return target;
}

std::string names(const Json& rows, const char* key) {
  std::string out;
  for (const Json& row : rows) out += printable(text(row, key)) + "\n";
  return out;
}

/// The daemon gives all pools; one of them was asked for.
Outcome keep_one(Json& rows, const std::string& name) {
  Json kept = Json::array();
  for (Json& row : rows) {
    if (text(row, "name") == name) kept.push_back(std::move(row));
  }
  if (kept.empty()) return fail(ExitCode::kNotFound, "there is no pool \"" + name + "\"");
  rows = std::move(kept);
  return {};
}

Result<std::string> get_page(Context& context, const GetOptions& options) {
  const KindEntry entry = entry_of(options.kind);
  auto answer = context.client.call({.target = target_of(options), .body = {}});
  if (!answer) return tl::unexpected(answer.error());
  if (options.kind == Kind::kPools && !options.pool.empty()) {
    const auto kept = keep_one((*answer)[entry.rows], options.pool);
    if (!kept) return tl::unexpected(kept.error());
  }
  const Json& rows = array(*answer, entry.rows);
  switch (context.format) {
    case Format::kJson:
      return pretty(*answer);
    case Format::kName:
      return names(rows, entry.name);
    case Format::kTable:
      return entry.show(rows, Detail::kUsual, context.out);
    case Format::kWide:
      return entry.show(rows, Detail::kWide, context.out);
  }
  return "";
}

using Show = std::string (*)(const Json& thing, const Output& out);

Outcome show_one(Context& context, const std::string& target, Show show) {
  const auto answer = context.client.call({.target = target, .body = {}});
  if (!answer) return tl::unexpected(answer.error());
  if (context.format == Format::kJson) {
    print_json(context.out, *answer);
  } else if (context.format == Format::kName) {
    context.out.write(printable(text(*answer, "name")) + "\n");
  } else {
    context.out.write(show(*answer, context.out));
  }
  return {};
}

}  // namespace

void print_json(Output& out, const Json& json) {
  out.write(pretty(json));
}

Outcome status(Context& context, const StatusOptions& options) {
  const Page page = [&context]() -> Result<std::string> {
    const auto answer = context.client.call({.target = "/v1/status", .body = {}});
    if (!answer) return tl::unexpected(answer.error());
    if (context.format == Format::kJson) return pretty(*answer);
    if (context.format == Format::kName) return names(array(*answer, "pools"), "name");
    return show_status(*answer, context.out);
  };
  return show_page(context.out, page, showing(options.watch));
}

Outcome get(Context& context, const GetOptions& options) {
  return show_page(
      context.out, [&] { return get_page(context, options); }, showing(options.watch));
}

Outcome describe_pool(Context& context, const std::string& name) {
  return show_one(context, "/v1/pools/" + percent_encoded(name), show_pool);
}

Outcome describe_worker(Context& context, const std::string& name) {
  return show_one(context, "/v1/workers/" + percent_encoded(name), show_worker);
}

Outcome describe_any(Context& context, const std::string& name) {
  auto done = describe_pool(context, name);
  if (done || done.error().code != ExitCode::kNotFound) return done;
  done = describe_worker(context, name);
  if (done || done.error().code != ExitCode::kNotFound) return done;
  return fail(ExitCode::kNotFound, "there is no pool and no worker \"" + printable(name) + "\"");
}

Outcome why(Context& context, const std::string& place) {
  const std::size_t slash = place.find('/');
  std::string target = "/v1/why/" + percent_encoded(place.substr(0, slash));
  if (slash != std::string::npos) target += "/" + percent_encoded(place.substr(slash + 1));
  return show_one(context, target, show_why);
}

Outcome version(Context& context) {
  const auto answer = context.client.call({.target = "/v1/version", .body = {}});
  const bool reached = answer.has_value();
  if (context.format == Format::kJson) {
    print_json(context.out, {{"client", MAYFLY_VERSION}, {"daemon", reached ? *answer : Json()}});
  } else {
    context.out.write("client   " + std::string(MAYFLY_VERSION) + "\ndaemon   " +
                      (reached
                           ? printable(text(*answer, "version") + ", " + text(*answer, "runtime"))
                           : "none: " + answer.error().what) +
                      "\n");
  }
  return {};
}

}  // namespace mayfly::cli
