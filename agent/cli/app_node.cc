#include "agent/cli/app_node.h"

#include <CLI/CLI.hpp>
#include <memory>
#include <utility>

#include "agent/cli/text.h"

namespace mayfly::cli {
namespace {

constexpr std::chrono::hours kForEver{24 * 365};

struct Given {
  std::string deadline = "1h";
  bool no_deadline = false;
  bool force = false;
  bool wait = false;
  std::string timeout;
};

std::string check_duration(const std::string& text) {
  return parse_duration(text) ? "" : "\"" + text + "\" is not a duration such as 30s or 5m";
}

DrainOptions options_of(const Given& given) {
  DrainOptions options;
  if (!given.no_deadline) options.deadline = parse_duration(given.deadline);
  if (given.force) options.deadline = std::chrono::milliseconds(0);
  if (given.wait) options.wait = kForEver;
  if (given.wait && !given.timeout.empty()) options.wait = parse_duration(given.timeout);
  return options;
}

void add_drain_options(CLI::App* drain, Given& given) {
  CLI::Option* deadline =
      drain->add_option("--deadline", given.deadline, "When what still runs is stopped: 30m, 4h")
          ->type_name("DURATION")
          ->check(check_duration)
          ->capture_default_str();
  CLI::Option* none =
      drain->add_flag("--no-deadline", given.no_deadline, "Wait for what runs, however long");
  none->excludes(deadline);
  drain->add_flag("--force", given.force, "Stop what runs at once: TERM, the grace, KILL")
      ->excludes(deadline)
      ->excludes(none);
  drain->add_flag("--wait", given.wait, "Return when no worker is left");
  drain->add_option("--timeout", given.timeout, "Wait no longer than this: 30s, 5m, 1h")
      ->type_name("DURATION")
      ->check(check_duration);
}

}  // namespace

void add_node(CLI::App& app, std::function<void(std::function<Outcome(Context&)>)> choose) {
  const auto given = std::make_shared<Given>();
  CLI::App* node = app.add_subcommand("node", "The node itself: whether it takes anything on");
  node->fallthrough()->require_subcommand(1);
  const auto add = [&](const char* name, const char* help, std::function<Outcome(Context&)> verb) {
    CLI::App* command = node->add_subcommand(name, help)->fallthrough();
    command->callback([choose, verb = std::move(verb)] { choose(verb); });
    return command;
  };
  add("status", "Whether the node is open, cordoned or drained", node_status);
  add("cordon", "Add nothing: no new pools, no more workers; what is there goes on", node_cordon);
  CLI::App* drain =
      add("drain", "Start nothing more, and let what runs finish",
          [given](Context& context) { return node_drain(context, options_of(*given)); });
  add_drain_options(drain, *given);
  add("undrain", "Undo cordon and drain", node_undrain)->alias("uncordon");
}

}  // namespace mayfly::cli
