#include "agent/cli/app.h"

#include <unistd.h>
#include <CLI/CLI.hpp>
#include <csignal>
#include <functional>
#include <iostream>

#include "agent/cli/app_fleet.h"
#include "agent/cli/app_node.h"
#include "agent/cli/complete.h"
#include "agent/cli/scale_words.h"
#include "agent/cli/text.h"
#include "agent/cli/verbs.h"

namespace mayfly::cli {
namespace {

using Verb = std::function<Outcome(Context&)>;

/// What the options are read into; each is one word's meaning, whichever verb takes it.
struct Arguments {
  std::string socket = "/run/mayfly/mayfly.sock";
  std::string format = "table";
  std::string timeout = "5m";
  bool wait = false;
  bool watch = false;
  std::vector<std::string> names;
  std::vector<std::string> files;
  std::string name;
  std::string file;
  GetOptions get;
  EventOptions events;
  LogOptions logs;
  bool dry_run = false;
  bool error_stream = false;
  DoctorOptions doctor;
  std::string kind;
  std::string pool;

  Verb verb;  ///< of the subcommand that was given
};

Wait wait_of(const Arguments& given) {
  if (!given.wait) return std::nullopt;
  return parse_duration(given.timeout);
}

std::string check_duration(const std::string& text) {
  return parse_duration(text) ? "" : "\"" + text + "\" is not a duration such as 30s or 5m";
}

CLI::App* add(CLI::App& app, const std::string& name, const std::string& help) {
  CLI::App* verb = app.add_subcommand(name, help);
  verb->fallthrough();
  return verb;
}

void set_verb(CLI::App* command, Arguments& given, Verb verb) {
  command->callback([&given, verb = std::move(verb)] { given.verb = verb; });
}

void add_wait(CLI::App* command, Arguments& given) {
  command->add_flag("--wait", given.wait, "Return when it is done, not when it is accepted");
  command->add_option("--timeout", given.timeout, "How long to wait: 30s, 5m, 1h")
      ->type_name("DURATION")
      ->check(check_duration)
      ->capture_default_str();
}

void add_files(CLI::App* command, Arguments& given) {
  command
      ->add_option("-f,--file", given.files,
                   "Pool file (TOML or JSON), directory of such, or - for standard input")
      ->type_name("FILE");
}

// ---- reading --------------------------------------------------------------------------------

void add_status(CLI::App& app, Arguments& given) {
  CLI::App* status_verb = add(app, "status", "How the node and its pools are");
  status_verb->add_flag("-w,--watch", given.watch, "Show it again every second");
  set_verb(status_verb, given,
           [&given](Context& context) { return status(context, {given.watch}); });

  CLI::App* why_verb = add(app, "why", "Why slots are empty, and when each is tried next");
  why_verb->add_option("place", given.name, "POOL or POOL/SLOT")
      ->type_name("POOL[/SLOT]")
      ->required();
  set_verb(why_verb, given, [&given](Context& context) { return why(context, given.name); });

  CLI::App* doctor_verb = add(app, "doctor", "What is wrong with this host, and what mends it");
  doctor_verb->add_option("--config", given.doctor.config_file, "Without a daemon: its main file")
      ->type_name("FILE")
      ->capture_default_str();
  doctor_verb->add_option("--state-dir", given.doctor.state_dir, "Without a daemon: its state")
      ->type_name("DIR")
      ->capture_default_str();
  doctor_verb->add_option("--run-dir", given.doctor.run_dir, "Without a daemon: its sockets")
      ->type_name("DIR")
      ->capture_default_str();
  set_verb(doctor_verb, given,
           [&given](Context& context) { return doctor(context, given.doctor); });

  set_verb(add(app, "version", "Versions of this command and of the daemon"), given, version);
}

void add_get_kind(CLI::App& get_verb, Arguments& given, Kind kind, const std::string& name) {
  CLI::App* verb = add(get_verb, name, "List " + name);
  verb->alias(name.substr(0, name.size() - 1));
  if (kind != Kind::kImages) {
    verb->add_option("pool", given.pool, "Of this pool only")->type_name("POOL");
  }
  if (kind == Kind::kExits) {
    verb->add_option("--limit", given.get.limit, "At most so many, the latest first")
        ->check(CLI::Range(1, 1000))
        ->capture_default_str();
  }
  verb->add_flag("-w,--watch", given.watch, "Show it again every second");
  set_verb(verb, given, [&given, kind](Context& context) {
    given.get.kind = kind;
    given.get.pool = given.pool;
    given.get.watch = given.watch;
    return get(context, given.get);
  });
}

void add_get(CLI::App& app, Arguments& given) {
  CLI::App* verb = add(app, "get", "List pools, workers, spares, exits or images");
  verb->require_subcommand(1);
  add_get_kind(*verb, given, Kind::kPools, "pools");
  add_get_kind(*verb, given, Kind::kWorkers, "workers");
  add_get_kind(*verb, given, Kind::kSpares, "spares");
  add_get_kind(*verb, given, Kind::kExits, "exits");
  add_get_kind(*verb, given, Kind::kImages, "images");
}

void add_describe(CLI::App& app, Arguments& given) {
  CLI::App* verb = add(app, "describe", "All about one pool or worker");
  verb->add_option("what", given.names, "[pool|worker] NAME")
      ->type_name("POOL|WORKER")
      ->required()
      ->expected(1, 2);
  set_verb(verb, given, [&given](Context& context) -> Outcome {
    const std::string& first = given.names.front();
    if (given.names.size() == 1) return describe_any(context, first);
    if (first == "pool") return describe_pool(context, given.names[1]);
    if (first == "worker") return describe_worker(context, given.names[1]);
    return fail(ExitCode::kUsage, "describe takes [pool|worker] NAME, not \"" + first + "\"");
  });
}

void add_streams(CLI::App& app, Arguments& given) {
  CLI::App* events_verb = add(app, "events", "What has happened, and what happens");
  events_verb->add_flag("-f,--follow", given.events.follow, "Go on as it happens");
  events_verb->add_option("--tail", given.events.tail, "Begin with the last so many");
  set_verb(events_verb, given,
           [&given](Context& context) { return events(context, given.events); });

  CLI::App* logs_verb = add(app, "logs", "What a worker, or all workers of a pool, wrote");
  logs_verb->add_option("name", given.name, "WORKER or POOL")->type_name("WORKER|POOL")->required();
  logs_verb->add_flag("-f,--follow", given.logs.follow, "Go on as it is written");
  logs_verb->add_flag("--stderr", given.logs.error_stream, "Standard error, not output");
  logs_verb->add_option("--tail", given.logs.tail, "Begin with the last so many lines of each");
  set_verb(logs_verb, given,
           [&given](Context& context) { return logs(context, given.name, given.logs); });
}

// ---- changing -------------------------------------------------------------------------------

void add_apply(CLI::App& app, Arguments& given) {
  CLI::App* apply_verb = add(app, "apply", "Make pools be as files say");
  add_files(apply_verb, given);
  apply_verb->get_option("--file")->required();
  apply_verb->add_flag("--dry-run", given.dry_run, "Show what would change; change nothing");
  add_wait(apply_verb, given);
  set_verb(apply_verb, given, [&given](Context& context) {
    return apply(context, {given.files, given.dry_run, wait_of(given)});
  });

  CLI::App* diff_verb = add(app, "diff", "What apply would change");
  add_files(diff_verb, given);
  diff_verb->get_option("--file")->required();
  set_verb(diff_verb, given, [&given](Context& context) { return diff(context, given.files); });

  CLI::App* delete_verb = add(app, "delete", "End pools: their workers are stopped");
  delete_verb->add_option("pools", given.names, "Pools")->type_name("POOL");
  add_files(delete_verb, given);
  add_wait(delete_verb, given);
  set_verb(delete_verb, given, [&given](Context& context) {
    return remove(context, {given.names, given.files, wait_of(given)});
  });
}

void add_scale(CLI::App& app, Arguments& given) {
  CLI::App* verb = add(app, "scale", "Change how many workers a pool keeps");
  verb->add_option("wanted", given.names, "NAME N, or NAME=N (several)")
      ->type_name("POOL=N")
      ->required();
  add_wait(verb, given);
  set_verb(verb, given, [&given](Context& context) -> Outcome {
    auto options = parse_scale(given.names);
    if (!options) return tl::unexpected(options.error());
    options->wait = wait_of(given);
    return scale(context, *options);
  });
}

using NamedVerb = Outcome (*)(Context&, const std::string&, const std::vector<std::string>&);

struct NamedVerbEntry {
  const char* name;
  const char* help;
  const char* what;
  const char* type;
  NamedVerb run;
};

constexpr NamedVerbEntry kNamedVerbs[] = {
    {"pause", "Start no more workers; running ones stay", "pools", "POOL", change_pools},
    {"resume", "Undo pause", "pools", "POOL", change_pools},
    {"reset", "Forget failures: try again at once", "pools", "POOL", change_pools},
    {"retire", "Replace workers: TERM, the pool's grace, KILL", "workers", "WORKER", stop_workers},
    {"kill", "Replace workers: KILL now", "workers", "WORKER", stop_workers}};

void add_named_verbs(CLI::App& app, Arguments& given) {
  for (const NamedVerbEntry& entry : kNamedVerbs) {
    CLI::App* verb = add(app, entry.name, entry.help);
    verb->add_option(entry.what, given.names, entry.what)->type_name(entry.type)->required();
    set_verb(verb, given, [&given, &entry](Context& context) {
      return entry.run(context, entry.name, given.names);
    });
  }
}

void add_image(CLI::App& app, Arguments& given) {
  CLI::App* verb = add(app, "image", "Images: what is here, and how it comes and goes");
  verb->require_subcommand(1);
  CLI::App* import_verb = add(*verb, "import", "Bring in a docker-archive or OCI tar");
  import_verb->add_option("file", given.file, "The tar file")->type_name("FILE")->required();
  import_verb->add_option("--name", given.name, "Name it so, whatever the file says")
      ->type_name("NAME");
  set_verb(import_verb, given,
           [&given](Context& context) { return image_import(context, given.file, given.name); });
  CLI::App* pull_verb = add(*verb, "pull", "Fetch an image as its registry has it now");
  pull_verb->add_option("name", given.name, "host/name:tag or host/name@sha256:…")
      ->type_name("IMAGE")
      ->required();
  set_verb(pull_verb, given,
           [&given](Context& context) { return image_pull(context, given.name); });
  CLI::App* rm_verb = add(*verb, "rm", "Remove images that Mayfly brought in and no pool needs");
  rm_verb->add_option("names", given.names, "Names or digests")->type_name("IMAGE")->required();
  set_verb(rm_verb, given,
           [&given](Context& context) { return image_remove(context, given.names); });
  CLI::App* gc_verb = add(*verb, "gc", "Remove now what images.keep and disk_free_min say");
  gc_verb->add_flag("--dry-run", given.dry_run, "Show what would go; remove nothing");
  set_verb(gc_verb, given, [&given](Context& context) {
    return image_collect(context, given.dry_run ? Collect::kDryRun : Collect::kRemove);
  });
  set_verb(add(*verb, "ls", "List images"), given,
           [](Context& context) { return get(context, {.kind = Kind::kImages, .pool = {}}); });
}

void add_config(CLI::App& app, Arguments& given) {
  CLI::App* verb = add(app, "config", "The daemon's configuration files");
  verb->require_subcommand(1);
  CLI::App* check_verb = add(*verb, "check", "Say what is wrong with them; needs no daemon");
  given.file = "/etc/mayfly/mayfly.toml";
  check_verb->add_option("file", given.file, "The main file")
      ->type_name("FILE")
      ->capture_default_str();
  set_verb(check_verb, given,
           [&given](Context& context) { return config_check(context.out, given.file); });
  set_verb(add(app, "reload", "Have the daemon read its files again"), given, reload);
}

void add_completion(CLI::App& app, Arguments& given) {
  CLI::App* verb = add(app, "completion", "The script that completes this command in a shell");
  verb->add_option("shell", given.name, "bash, zsh or fish")
      ->check(CLI::IsMember({"bash", "zsh", "fish"}))
      ->required();
  set_verb(verb, given, [&given](Context& context) -> Outcome {
    context.out.write(completion_script(given.name));
    return {};
  });
}

void add_all(CLI::App& app, Arguments& given) {
  app.add_option("--socket", given.socket, "The daemon's control socket")
      ->type_name("FILE")
      ->envname("MAYFLY_SOCKET")
      ->capture_default_str();
  app.add_option("-o,--output", given.format, "table, wide, json or name")
      ->check(CLI::IsMember({"table", "wide", "json", "name"}));
  app.require_subcommand(1);
  add_status(app, given);
  add_get(app, given);
  add_describe(app, given);
  add_streams(app, given);
  add_apply(app, given);
  add_scale(app, given);
  add_named_verbs(app, given);
  add_image(app, given);
  add_node(app, [&given](Verb verb) { given.verb = std::move(verb); });
  add_config(app, given);
  add_completion(app, given);
}

Format format_of(const std::string& word) {
  if (word == "json") return Format::kJson;
  if (word == "wide") return Format::kWide;
  return word == "name" ? Format::kName : Format::kTable;
}

int report(const Failure& failure) {
  std::cerr << "mayfly: " << failure.what << '\n';
  return static_cast<int>(failure.code);
}

int parse_and_run(int argc, const char* const* argv) {
  CLI::App app("Keeps short-lived container workers alive", "mayfly");
  Arguments given;
  add_all(app, given);
  const FleetVerbs fleet(app, [&given](Verb verb) { given.verb = std::move(verb); });
  if (argc > 1 && std::string_view(argv[1]) == kCompleteWord) {
    std::cout << complete(app, {argv + 2, argv + argc});
    return static_cast<int>(ExitCode::kOk);
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& asked) {  // --help
    return app.exit(asked);
  } catch (const CLI::ParseError& error) {
    return report({ExitCode::kUsage, std::string(error.what()) + "; see `mayfly --help`"});
  }
  Output out(STDOUT_FILENO);
  Client client(given.socket);
  Context context{client, out, format_of(given.format)};
  const Outcome outcome = fleet.run(out, context.format, [&] { return given.verb(context); });
  if (!outcome && !out.closed()) return report(outcome.error());
  return static_cast<int>(ExitCode::kOk);
}

}  // namespace

int run(int argc, const char* const* argv) {
  std::signal(SIGPIPE, SIG_IGN);
  try {
    return parse_and_run(argc, argv);
  } catch (const std::exception& error) {
    return report({ExitCode::kError, std::string("unexpected: ") + error.what()});
  }
}

}  // namespace mayfly::cli
