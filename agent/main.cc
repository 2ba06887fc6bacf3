// mayflyd: the daemon.
#include <malloc.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>

#include "agent/daemon.h"
#include "agent/log.h"
#include "agent/message_ids.h"
#include "agent/version.h"
#include "config/load.h"

namespace {

constexpr int kExitConfig = 78;  // EX_CONFIG: a restart does not help

using namespace mayfly;

int report(const config::Faults& faults) {
  for (const config::Fault& fault : faults) {
    std::fprintf(stderr, "%s\n", config::to_string(fault).c_str());
  }
  std::fprintf(stderr, "mayflyd: %zu fault%s in the configuration\n", faults.size(),
               faults.size() == 1 ? "" : "s");
  return kExitConfig;
}

int serve(const agent::Daemon::Options& options, const config::Document& document) {
  agent::log::configure(document.daemon.log.level);
  agent::Daemon daemon(options);
  const auto started = daemon.start(document);
  if (!started) {
    agent::log::error({"cannot start", agent::message_ids::kCannotStart},
                      {{"reason", started.error()}});
    return 1;
  }
  daemon.run();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  // One arena: memory that the store's thread frees is memory that the loop can use.
  mallopt(M_ARENA_MAX, 1);

  CLI::App app{"mayflyd keeps short-lived container workers alive on this host"};
  agent::Daemon::Options options{"/etc/mayfly/mayfly.toml", "/var/lib/mayfly", "/run/mayfly"};
  enum class Mode { kServe, kCheck };
  Mode mode = Mode::kServe;
  app.add_option("--config", options.config_file, "configuration; conf.d/ and pools.d/ beside it")
      ->capture_default_str();
  app.add_option("--state-dir", options.state_dir, "what outlives a reboot")->capture_default_str();
  app.add_option("--run-dir", options.run_dir, "sockets and logs of running workers")
      ->capture_default_str();
  app.add_flag_callback(
      "--check-config", [&] { mode = Mode::kCheck; },
      "check the configuration, say all that is wrong, and exit (0 or 78)");
  app.set_version_flag("--version", std::string("mayflyd ") + agent::kVersion);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }

  const auto document = config::load(options.config_file);
  if (!document) return report(document.error());
  if (mode == Mode::kCheck) {
    std::printf("%s: good; %zu pool%s\n", options.config_file.c_str(), document->pools.size(),
                document->pools.size() == 1 ? "" : "s");
    return 0;
  }
  return serve(options, *document);
}
