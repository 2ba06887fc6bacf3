#include "agent/cli/app_fleet.h"

#include <CLI/CLI.hpp>
#include <utility>

#include "agent/cli/fleet/author.h"
#include "agent/cli/fleet/live_store.h"
#include "agent/cli/scale_words.h"
#include "agent/cli/text.h"

namespace mayfly::cli {
namespace {

constexpr std::chrono::milliseconds kPatience{4000};  ///< for one try at one endpoint
constexpr const char* kDeadline = "1h";

// ---- what was given ---------------------------------------------------------------------------

std::vector<std::string> values(const CLI::App& command, const std::string& option) {
  const CLI::Option* given = command.get_option_no_throw(option);
  return given == nullptr ? std::vector<std::string>{} : given->results();
}

std::string value(const CLI::App& command, const std::string& option) {
  const auto all = values(command, option);
  if (!all.empty()) return all.front();
  const CLI::Option* given = command.get_option_no_throw(option);
  return given == nullptr ? "" : given->get_default_str();
}

bool is_given(const CLI::App& command, const std::string& option) {
  return !values(command, option).empty();
}

Wait wait_of(const CLI::App& command) {
  if (!is_given(command, "--wait")) return std::nullopt;
  const std::string timeout = value(command, "--timeout");
  return parse_duration(timeout.empty() ? "5m" : timeout);
}

Showing showing(const CLI::App& command) {
  return is_given(command, "--watch") ? Showing::kAgain : Showing::kOnce;
}

/// The innermost verb.
const CLI::App& parsed(const CLI::App& app) {
  const CLI::App* command = &app;
  while (!command->get_subcommands().empty()) command = command->get_subcommands().front();
  return *command;
}

CLI::App* find(CLI::App& app, const std::string& name) {
  const auto found =
      app.get_subcommands([&name](const CLI::App* each) { return each->check_name(name); });
  return found.empty() ? nullptr : found.front();
}

CLI::App* find_or_add(CLI::App& app, const std::string& name, const std::string& help) {
  if (CLI::App* found = find(app, name)) return found;
  return app.add_subcommand(name, help)->fallthrough();
}

std::string words_of(const CLI::App& command) {
  const CLI::App* above = command.get_parent();
  const bool is_inner = above != nullptr && above->get_parent() != nullptr;
  return (is_inner ? words_of(*above) + " " : "") + command.get_name();
}

// ---- verbs that take more than their words ------------------------------------------------------

Outcome describe_thing(fleet::Fleet& fleet, const CLI::App& command) {
  const auto words = values(command, "what");
  if (words.size() == 2 && words[0] == "node") return fleet::describe_node(fleet, words[1]);
  if (words.size() == 2 && words[0] == "pool") return fleet::describe_pool(fleet, words[1]);
  if (words.size() == 2) {
    return fail(ExitCode::kUsage,
                "on a fleet, describe takes [pool|node] NAME, not \"" + printable(words[0]) + "\"");
  }
  const auto done = fleet::describe_pool(fleet, words.front());
  if (done || done.error().code != ExitCode::kNotFound) return done;
  return fleet::describe_node(fleet, words.front());
}

Outcome scale_pools(fleet::Fleet& fleet, const CLI::App& command) {
  auto options = parse_scale(values(command, "wanted"));
  if (!options) return tl::unexpected(options.error());
  options->wait = wait_of(command);
  return fleet::scale(fleet, *options);
}

fleet::NodeOrder drain_order(const CLI::App& command) {
  fleet::NodeOrder order{"drained", std::nullopt, is_given(command, "--force")};
  if (order.force || is_given(command, "--no-deadline")) return order;
  const auto deadline = parse_duration(value(command, "--deadline"));
  if (deadline) order.deadline_s = std::chrono::ceil<std::chrono::seconds>(*deadline).count();
  return order;
}

void add_drain_options(CLI::App& drain) {
  if (drain.get_option_no_throw("--deadline") != nullptr) return;
  CLI::Option* deadline =
      drain.add_option("--deadline")
          ->description("When what still runs is stopped: 30m, 4h")
          ->type_name("DURATION")
          ->check([](const std::string& text) {
            return parse_duration(text) ? "" : "\"" + text + "\" is not a duration such as 30s";
          })
          ->default_str(kDeadline);
  CLI::Option* none = drain.add_flag("--no-deadline");
  none->description("Wait for what runs, however long");
  none->excludes(deadline);
  drain.add_flag("--force")
      ->description("Stop what runs at once: TERM, the grace, KILL")
      ->excludes(deadline)
      ->excludes(none);
}

void add_wait(CLI::App& command) {
  if (command.get_option_no_throw("--wait") == nullptr) {
    command.add_flag("--wait")->description("Return when it is done, not when it is accepted");
  }
  if (command.get_option_no_throw("--timeout") != nullptr) return;
  command.add_option("--timeout")
      ->description("How long to wait: 30s, 5m, 1h")
      ->type_name("DURATION")
      ->check([](const std::string& text) {
        return parse_duration(text) ? "" : "\"" + text + "\" is not a duration such as 30s";
      })
      ->default_str("5m");
}

}  // namespace

FleetVerbs::FleetVerbs(CLI::App& app, const std::function<void(Here)>& choose) : app_(app) {
  app.add_option("--cluster", choice_.cluster, "Work on this fleet, not on this node")
      ->type_name("CLUSTER")
      ->envname("MAYFLY_CLUSTER");
  app.add_flag("--fleet", is_fleet_meant_,
               "The same, on the one that `context use` chose, or the only one");
  app.add_option("--contexts", choice_.contexts, "The file that says how clusters are reached")
      ->type_name("FILE")
      ->envname("MAYFLY_CONTEXTS");
  for (const char* name : {"version", "completion", "config"}) {
    anywhere_.insert(app.get_subcommand(name));
  }
  anywhere_.insert(app.get_subcommand("config")->get_subcommand("check"));
  add_nodes();
  add_contexts(choose);
  offer_reading();
  offer_changing();
}

void FleetVerbs::offer(const std::vector<std::string>& words, There there) {
  CLI::App* command = &app_;
  for (const std::string& word : words) command = command->get_subcommand(word);
  there_[command] = std::move(there);
}

void FleetVerbs::offer_reading() {
  offer({"status"}, [](fleet::Fleet& fleet, const CLI::App& command) {
    return fleet::status(fleet, showing(command));
  });
  offer({"get", "pools"}, [](fleet::Fleet& fleet, const CLI::App& command) {
    return fleet::get_pools(fleet, value(command, "pool"), showing(command));
  });
  offer({"describe"}, describe_thing);
  offer({"why"}, [](fleet::Fleet& fleet, const CLI::App& command) -> Outcome {
    const std::string place = value(command, "place");
    if (place.find('/') == std::string::npos) return fleet::why(fleet, place);
    return fail(ExitCode::kUsage, "on a fleet, why takes POOL: a slot is a node's");
  });
}

void FleetVerbs::offer_changing() {
  offer({"apply"}, [](fleet::Fleet& fleet, const CLI::App& command) {
    return fleet::apply(
        fleet, {values(command, "--file"), is_given(command, "--dry-run"), wait_of(command)});
  });
  offer({"diff"}, [](fleet::Fleet& fleet, const CLI::App& command) {
    return fleet::diff(fleet, values(command, "--file"));
  });
  offer({"delete"}, [](fleet::Fleet& fleet, const CLI::App& command) {
    return fleet::remove(fleet,
                         {values(command, "pools"), values(command, "--file"), wait_of(command)});
  });
  offer({"scale"}, scale_pools);
  offer({"pause"}, [](fleet::Fleet& fleet, const CLI::App& command) {
    return fleet::pause(fleet, values(command, "pools"));
  });
  offer({"resume"}, [](fleet::Fleet& fleet, const CLI::App& command) {
    return fleet::resume(fleet, values(command, "pools"));
  });
}

void FleetVerbs::add_nodes() {
  const auto list = [](fleet::Fleet& fleet, const CLI::App& command) {
    return fleet::get_nodes(fleet, showing(command));
  };
  const auto add = [this](CLI::App& above, const char* name, const char* help) {
    const bool is_new = find(above, name) == nullptr;
    CLI::App* command = find_or_add(above, name, help);
    if (is_new) only_there_.insert(command);
    return command;
  };
  CLI::App* get_nodes = add(*app_.get_subcommand("get"), "nodes", "List the nodes of a fleet");
  get_nodes->add_flag("-w,--watch")->description("Show it again every second");
  there_[get_nodes] = list;

  CLI::App* node =
      find_or_add(app_, "node", "Nodes: which there are, whether they take anything on");
  node->require_subcommand(1);
  there_[add(*node, "ls", "List the nodes of a fleet")] = list;
  const auto add_order = [&](const char* name, const char* help,
                             std::function<fleet::NodeOrder(const CLI::App&)> order) {
    CLI::App* command = add(*node, name, help);
    command->add_option("nodes", nodes_, "Nodes of the fleet")->type_name("NODE");
    add_wait(*command);
    with_node_names_.insert(command);
    there_[command] = [order = std::move(order)](fleet::Fleet& fleet,
                                                 const CLI::App& given) -> Outcome {
      const auto names = values(given, "nodes");
      if (names.empty()) return fail(ExitCode::kUsage, "name a node of the fleet");
      return fleet::order(fleet, {names, order(given), wait_of(given)});
    };
    return command;
  };
  const auto simply = [](const char* scheduling) {
    return [scheduling](const CLI::App&) {
      return fleet::NodeOrder{scheduling, std::nullopt, false};
    };
  };
  add_order("cordon", "Add nothing; what is there goes on", simply("cordoned"));
  add_drain_options(*add_order("drain", "Start nothing more, let what runs finish", drain_order));
  add_order("undrain", "Undo cordon and drain", simply("open"));

  CLI::App* history = add(app_, "history", "What a pool of a fleet was, and who changed it");
  history->add_option("pool")->description("The pool")->type_name("POOL")->required();
  there_[history] = [](fleet::Fleet& fleet, const CLI::App& command) {
    return fleet::history(fleet, value(command, "pool"));
  };
}

void FleetVerbs::add_contexts(const std::function<void(Here)>& choose) {
  CLI::App* context = find_or_add(app_, "context", "The clusters that --cluster knows");
  context->require_subcommand(1);
  CLI::App* list = find_or_add(*context, "ls", "List them");
  list->callback([this, choose] {
    choose([this](Context& here) { return fleet::list_contexts(choice_, here.out, here.format); });
  });
  CLI::App* use = find_or_add(*context, "use", "Choose what --fleet is from now on");
  use->add_option("context")->description("The cluster")->type_name("CLUSTER")->required();
  use->callback([this, choose, use] {
    choose([this, use](Context& here) {
      return fleet::use_context(choice_, value(*use, "context"), here.out);
    });
  });
  anywhere_.insert({list, use});
}

bool FleetVerbs::is_for_fleet(const CLI::App& command) const {
  if (is_fleet_meant_ || !choice_.cluster.empty() || only_there_.contains(&command)) return true;
  const auto words = values(command, "what");  // of describe; a node knows of no nodes
  return words.size() == 2 && words.front() == "node";
}

Outcome FleetVerbs::run(Output& out, Format format, const std::function<Outcome()>& here) const {
  const CLI::App& command = parsed(app_);
  if (anywhere_.contains(&command)) return here();
  if (is_for_fleet(command)) return run_there(out, format, command);
  if (with_node_names_.contains(&command) && is_given(command, "nodes")) {
    return fail(ExitCode::kUsage,
                "a node is named in a fleet: say which with --cluster NAME, or --fleet; without a "
                "name it is this one");
  }
  return here();
}

Outcome FleetVerbs::run_there(Output& out, Format format, const CLI::App& command) const {
  const auto verb = there_.find(&command);
  if (verb == there_.end()) {
    return fail(ExitCode::kUsage, "`mayfly " + words_of(command) +
                                      "` works on one node: run it there, without --cluster, "
                                      "--fleet and MAYFLY_CLUSTER");
  }
  const auto context = fleet::choose(choice_);
  if (!context) return tl::unexpected(context.error());
  fleet::LiveStore store(*context, kPatience);
  fleet::Desk desk(store, context->cluster, fleet::this_author());
  fleet::Fleet fleet{desk, out, format};
  return verb->second(fleet, command);
}

}  // namespace mayfly::cli
