#include <nlohmann/json.hpp>

#include "agent/cli/fields.h"
#include "agent/cli/pool_files.h"
#include "agent/cli/show.h"
#include "agent/cli/text.h"
#include "agent/cli/verbs.h"
#include "config/load.h"

namespace mayfly::cli {
namespace {

std::string pool_target(const std::string& pool) {
  return "/v1/pools/" + percent_encoded(pool);
}

Outcome send(Context& context, const Request& request, ShowResult show) {
  const auto result = context.client.call(request);
  if (!result) return tl::unexpected(result.error());
  print_result(context.out, context.format, *result, show);
  return {};
}

std::string show_message(const Json& result, const Output& /*out*/) {
  return printable(text(result, "message")) + "\n";
}

Outcome apply_all(Context& context, const std::vector<config::Pool>& pools,
                  const std::string& target, ShowResult show) {
  for (const config::Pool& pool : pools) {
    const auto sent =
        send(context, {.method = "POST", .target = target, .body = config::to_json(pool)}, show);
    if (!sent) return fail(sent.error().code, "pool " + pool.name + ": " + sent.error().what);
  }
  return {};
}

}  // namespace

void print_result(Output& out, Format format, const Json& result, ShowResult show) {
  switch (format) {
    case Format::kJson:
      out.write(result.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
      return;
    case Format::kName:
      out.write(printable(text(result, "pool")) + "\n");
      return;
    case Format::kTable:
    case Format::kWide:
      out.write(show(result, out));
      return;
  }
}

Outcome apply(Context& context, const ApplyOptions& options) {
  const auto pools = read_pools(options.files);
  if (!pools) return tl::unexpected(pools.error());
  if (options.dry_run) return apply_all(context, *pools, "/v1/pools?dry_run=true", show_diff);
  if (const auto done = apply_all(context, *pools, "/v1/pools", show_applied_image); !done)
    return done;
  if (!options.wait) return {};
  for (const config::Pool& pool : *pools) {
    const auto filled = wait_until_filled(context, pool.name, *options.wait);
    if (!filled) return filled;
  }
  return {};
}

Outcome diff(Context& context, const std::vector<std::string>& files) {
  const auto pools = read_pools(files);
  if (!pools) return tl::unexpected(pools.error());
  return apply_all(context, *pools, "/v1/pools?dry_run=true", show_diff);
}

Outcome remove(Context& context, const DeleteOptions& options) {
  std::vector<std::string> names = options.names;
  if (!options.files.empty()) {
    const auto pools = read_pools(options.files);
    if (!pools) return tl::unexpected(pools.error());
    for (const config::Pool& pool : *pools) names.push_back(pool.name);
  }
  if (names.empty()) return fail(ExitCode::kUsage, "name a pool, or give a file with -f");
  for (const std::string& name : names) {
    const auto sent =
        send(context, {.method = "DELETE", .target = pool_target(name), .body = {}}, show_applied);
    if (!sent) return sent;
  }
  if (!options.wait) return {};
  for (const std::string& name : names) {
    const auto gone = wait_until_gone(context, name, *options.wait);
    if (!gone) return gone;
  }
  return {};
}

Outcome scale(Context& context, const ScaleOptions& options) {
  for (const auto& [pool, replicas] : options.wanted) {
    const Json body{{"replicas", replicas}};
    const auto sent = send(
        context, {.method = "POST", .target = pool_target(pool) + "/scale", .body = body.dump()},
        show_applied);
    if (!sent) return sent;
  }
  if (!options.wait) return {};
  for (const auto& [pool, replicas] : options.wanted) {
    const auto filled = wait_until_filled(context, pool, *options.wait);
    if (!filled) return filled;
  }
  return {};
}

Outcome change_pools(Context& context, const std::string& verb,
                     const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    const auto sent =
        send(context, {.method = "POST", .target = pool_target(name) + "/" + verb, .body = {}},
             show_applied);
    if (!sent) return sent;
  }
  return {};
}

Outcome stop_workers(Context& context, const std::string& verb,
                     const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    const std::string target = "/v1/workers/" + percent_encoded(name) + "/" + verb;
    const auto sent = send(context, {.method = "POST", .target = target, .body = {}}, show_message);
    if (!sent) return sent;
  }
  return {};
}

Outcome reload(Context& context) {
  return send(context, {.method = "POST", .target = "/v1/reload", .body = {}}, show_message);
}

Outcome config_check(Output& out, const std::string& file) {
  const auto document = config::load(file);
  if (document) {
    out.write(file + ": good, " + std::to_string(document->pools.size()) + " pools\n");
    return {};
  }
  std::string faults;
  for (const config::Fault& fault : document.error()) {
    faults += (faults.empty() ? "" : "\n") + config::to_string(fault);
  }
  return fail(ExitCode::kError, faults);
}

}  // namespace mayfly::cli
