#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/cli/fields.h"
#include "agent/cli/show.h"
#include "agent/cli/verbs.h"
#include "agent/doctor/check.h"
#include "config/load.h"

namespace mayfly::cli {
namespace {

using doctor::Check;
using doctor::Status;

std::vector<Check> check_config(const std::string& file,
                                const tl::expected<config::Document, config::Faults>& document) {
  if (document) return {{"configuration", Status::kOk, file + " is good", ""}};
  std::vector<Check> checks;
  for (const config::Fault& fault : document.error()) {
    checks.push_back({"configuration", Status::kFailed, config::to_string(fault),
                      "mend it, or name another file with --config"});
  }
  return checks;
}

/// What can be told without a daemon.
std::vector<Check> look_alone(const DoctorOptions& options, const Failure& no_daemon) {
  std::vector<Check> checks{
      {"daemon", Status::kWarning, no_daemon.what, "mayflyd --config " + options.config_file}};
  const auto add = [&checks](std::vector<Check> more) {
    std::move(more.begin(), more.end(), std::back_inserter(checks));
  };
  const auto document = config::load(options.config_file);
  add(check_config(options.config_file, document));
  doctor::Subject subject;
  if (document) subject.config = document->daemon;
  subject.state_dir = options.state_dir;
  subject.run_dir = options.run_dir;
  subject.gate = doctor::find_gate(subject.config.runtime.gate, MAYFLY_LIBEXEC);
  add(doctor::check_host(doctor::this_host(), subject));
  return checks;
}

/// As the daemon gives it.
Json to_json(const std::vector<Check>& checks) {
  Json rows = Json::array();
  for (const Check& check : checks) {
    rows.push_back({{"name", check.name},
                    {"status", doctor::word(check.status)},
                    {"what", check.what},
                    {"fix", check.fix}});
  }
  return Json{{"checks", std::move(rows)}};
}

}  // namespace

Outcome doctor(Context& context, const DoctorOptions& options) {
  const auto answer = context.client.call({.target = "/v1/doctor", .body = {}});
  if (!answer && answer.error().code != ExitCode::kNoDaemon) {
    return tl::unexpected(answer.error());
  }
  const Json found = answer ? *answer : to_json(look_alone(options, answer.error()));
  const Json& checks = array(found, "checks");
  if (context.format == Format::kJson) {
    print_json(context.out, found);
  } else {
    context.out.write(show_checks(checks, context.out));
  }
  const auto failed = std::count_if(checks.begin(), checks.end(), [](const Json& check) {
    return text(check, "status") == "failed";
  });
  if (failed == 0) return {};
  return fail(ExitCode::kError, std::to_string(failed) + (failed == 1 ? " check" : " checks") +
                                    " failed; the arrow beside it says what mends it");
}

}  // namespace mayfly::cli
