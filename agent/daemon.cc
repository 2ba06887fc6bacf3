#include "agent/daemon.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/random.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "agent/cgroup_weight.h"
#include "agent/clock.h"
#include "agent/control_sockets.h"
#include "agent/core/words.h"
#include "agent/doctor/host.h"
#include "agent/log.h"
#include "agent/message_ids.h"
#include "agent/names.h"
#include "agent/runtimes.h"
#include "agent/version.h"

namespace mayfly::agent {
namespace {

std::string error_text(const std::filesystem::path& path) {
  return path.string() + ": " + std::strerror(errno);
}

std::uint64_t random_seed() {
  std::uint64_t seed = 0;
  if (getrandom(&seed, sizeof seed, 0) != sizeof seed) return static_cast<std::uint64_t>(getpid());
  return seed;
}

/// A worker's end is answered ahead of ordinary work, or the gap grows under load. Threads made
/// later go back to the ordinary policy.
void take_priority() {
  sched_param parameter{};
  parameter.sched_priority = 1;
  if (sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &parameter) != 0) {
    log::info("the loop runs at ordinary priority", {{"reason", std::strerror(errno)}});
  }
}

void log_audit(const control::Audit& audit) {
  log::info({"control", message_ids::kControlWrite}, {{"uid", std::to_string(audit.uid)},
                                                      {"pid", std::to_string(audit.pid)},
                                                      {"method", audit.method},
                                                      {"path", audit.path},
                                                      {"status", std::to_string(audit.status)}});
}

}  // namespace

Daemon::Daemon(Options options)
    : options_(std::move(options)), signals_(context_), memory_(context_) {}

Daemon::~Daemon() {
  server_.reset();
  host_.reset();
  driver_.reset();
  if (run_lock_ >= 0) ::close(run_lock_);
}

tl::expected<void, std::string> Daemon::start(const config::Document& document) {
  ::signal(SIGPIPE, SIG_IGN);
  config_ = document.daemon;
  const auto handed_over = systemd::take_listen_fds();
  if (!handed_over) return tl::unexpected(handed_over.error());
  return make_run_dir()
      .and_then([&] { return find_gate(document.daemon.runtime); })
      .and_then([&] { return open_store(document.daemon.history); })
      .and_then([&] { return open_runtime(document.daemon); })
      .and_then([&]() -> tl::expected<void, std::string> {
        make_core(document.daemon);
        const auto known = fleet::known_pools(document.daemon, store_->loaded().fleet);
        for (const std::string& fault : desired_->restore(document, known)) log::warning(fault);
        operator_->node_status() = node_status(document);
        webhook_ = std::make_unique<webhook::Sender>(
            context_, webhook::Sender::Parts{*core_, operator_->node_status()},
            webhook::Sender::Options{document.daemon.webhook, random_seed()});
        node_orders_ = std::make_unique<fleet::NodeOrders>(
            fleet::NodeOrders::Parts{*store_, core_->model(), inbox_, operator_->node_status()});
        node_orders_->restore();
        join_fleet(document.daemon);
        return serve(document.daemon.control, *handed_over);
      })
      .map([&] {
        host_->start();
        driver_->start([this](const runtime::Hint& hint) { hinted(hint); });
        if (document.daemon.loop.realtime) take_priority();
        wait_for_signals();
        images_->start();
        loop_->start();
        if (fleet_) fleet_->start();
        webhook_->start();
      });
}

void Daemon::run() {
  log::info({"ready", message_ids::kReady},
            {{"version", kVersion}, {"run_dir", options_.run_dir.string()}});
  service_->ready();
  context_.run();
  log::info({"stopped; workers go on running", message_ids::kStopped});
}

tl::expected<void, std::string> Daemon::make_run_dir() {
  std::error_code error;
  std::filesystem::create_directories(options_.run_dir, error);
  if (error) return tl::unexpected(options_.run_dir.string() + ": " + error.message());
  const std::filesystem::path lock = options_.run_dir / "lock";
  run_lock_ = ::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (run_lock_ < 0) return tl::unexpected(error_text(lock));
  if (flock(run_lock_, LOCK_EX | LOCK_NB) != 0) {
    return tl::unexpected(options_.run_dir.string() +
                          ": another mayflyd runs here; give this one its own --run-dir");
  }
  return {};
}

tl::expected<void, std::string> Daemon::find_gate(const config::Runtime& runtime) {
  gate_program_ = doctor::find_gate(runtime.gate, kLibexecDir);
  if (!gate_program_.empty()) return {};
  if (!runtime.gate.empty()) return tl::unexpected("runtime.gate: " + error_text(runtime.gate));
  return tl::unexpected("mayfly-gate is neither beside mayflyd nor in " + std::string(kLibexecDir) +
                        "; set runtime.gate");
}

tl::expected<void, std::string> Daemon::open_store(const config::History& history) {
  store::Store::Options options;
  options.directory = options_.state_dir;
  options.exits_max = history.exits;
  options.exits_age_ms = history.age.count();
  auto opened = store::Store::open(context_, options);
  if (!opened) return tl::unexpected(opened.error());
  store_ = std::move(*opened);
  return {};
}

tl::expected<void, std::string> Daemon::open_runtime(const config::Daemon& config) {
  const std::string& instance = store_->loaded().instance;
  driver_ = open_driver(context_, config, {kLabelInstance, instance, container_prefix(instance)});
  const config::Runtime& runtime = config.runtime;
  host_ = std::make_unique<Host>(context_, Host::Parts{inbox_, *driver_}, config::unit_of(runtime));
  if (const auto weighed = weigh_cgroup(runtime.cgroup_parent, runtime.cpu_weight); !weighed) {
    log::info("the workers keep the cpu weight that they have", {{"reason", weighed.error()}});
  }
  return {};
}

void Daemon::make_core(const config::Daemon& config) {
  const store::Loaded& loaded = store_->loaded();
  workplaces_ = std::make_unique<Workplaces>(context_, inbox_, options_.run_dir.string());
  recorder_ = std::make_unique<Recorder>(Recorder::Parts{inbox_, *store_, catalog_, *workplaces_});
  make_images(config.images);
  diagnosis_ = std::make_unique<Diagnosis>(context_, *driver_);
  desired_ = std::make_unique<Desired>(Desired::Parts{catalog_, *store_, *images_, inbox_},
                                       config.runtime);
  core_ =
      std::make_unique<core::Core>(limits_of(config), first_worker_of(loaded.run), random_seed());
  dispatch_ = std::make_unique<Dispatch>(
      context_,
      Dispatch::Parts{inbox_, catalog_, *driver_, *images_, *workplaces_, *recorder_, evidence_},
      Dispatch::Options{loaded.instance, gate_program_,
                        [this](const store::Revision& revision, std::function<void(bool)> done) {
                          desired_->save(revision, std::move(done));
                        },
                        [this] { host_->let_go(); }});
  observer_ = std::make_unique<Observer>(*core_, evidence_, *workplaces_);
  loop_ =
      std::make_unique<Loop>(context_, inbox_, [this](const auto& events) { return step(events); });
  make_service(config.runtime.kind);
  operator_ = std::make_unique<Operator>(
      Operator::Parts{*core_, catalog_, *desired_, inbox_, evidence_, *workplaces_, *store_,
                      *images_},
      control::NodeStatus{},
      Operator::Hooks{
          [this] { return reload_->run(); }, [this](const auto& reply) { examine(reply); },
          [this](const auto& order, const auto& reply) { node_orders_->take(order, reply); }});
  reload_ = std::make_unique<Reload>(
      Reload::Parts{*service_, inbox_, *images_, *desired_, operator_->node_status()},
      options_.config_file, config);
}

void Daemon::make_service(const std::string& runtime) {
  const auto status = [this, runtime] {
    return service_status(core_->model(), evidence_, runtime, monotonic_now());
  };
  service_ =
      std::make_unique<Service>(context_, Service::Hooks{[this] { loop_->ask_turn(); }, status});
  loop_->on_settled([this] { service_->settled(); });
}

void Daemon::join_fleet(const config::Daemon& config) {
  if (config.coordinator.endpoints.empty()) {
    for (const auto& row : store_->loaded().fleet) store_->drop_fleet(row.pool, [](bool) {});
    return;
  }
  fleet_ = std::make_unique<fleet::Fleet>(
      context_,
      fleet::Fleet::Parts{*desired_, *store_, core_->model(),
                          [this](const core::PoolName& pool, core::SlotIndex slot) {
                            return core_->why(monotonic_now(), pool, slot);
                          },
                          catalog_, evidence_, *node_orders_, operator_->node_status()},
      fleet::Fleet::Options{config.coordinator, config.node.labels, random_seed(),
                            fleet::known_pools(config, store_->loaded().fleet)});
}

void Daemon::make_images(const config::Images& config) {
  Images::Options options;
  options.policy = policy_of(config);
  options.uses = [this] { return image_uses(catalog_, core_->model()); };
  options.disk_of = files::space_of;
  images_ = std::make_unique<Images>(context_, Images::Parts{*driver_, *store_, evidence_},
                                     std::move(options));
}

tl::expected<void, std::string> Daemon::serve(const config::Control& control,
                                              const std::vector<systemd::ListenFd>& handed_over) {
  auto sockets = control_sockets(control, options_.run_dir, handed_over);
  if (!sockets) return tl::unexpected(sockets.error());
  control::ServerOptions options;
  options.socket = sockets->main;
  options.read_socket = sockets->read;
  options.spool_directory = (options_.state_dir / "spool").string();
  options.audit = log_audit;
  server_ = std::make_unique<control::Server>(context_, options, *operator_);
  auto served = server_->start();
  if (!served) return served;
  std::vector<std::string> warnings = std::move(sockets->warnings);
  warnings.insert(warnings.end(), server_->warnings().begin(), server_->warnings().end());
  for (const std::string& warning : warnings) {
    log::warning(warning);
    operator_->node_status().warnings.push_back(warning);
  }
  return {};
}

control::NodeStatus Daemon::node_status(const config::Document& document) const {
  control::NodeStatus node;
  node.node = document.daemon.node.name.empty() ? host_name() : document.daemon.node.name;
  node.instance = store_->loaded().instance;
  node.version = kVersion;
  node.started_unix_ms = unix_ms_now();
  node.runtime = document.daemon.runtime.kind;
  node.runtime_socket = config::socket_of(document.daemon.runtime);
  node.config_file = options_.config_file.string();
  return node;
}

void Daemon::hinted(const runtime::Hint& hint) {
  switch (hint.kind) {
    case runtime::Hint::Kind::kChanged:
      if (const auto worker = worker_of_container(store_->loaded().instance, hint.what)) {
        inbox_.post(core::RuntimeHinted{worker->worker});
      }
      return;
    case runtime::Hint::Kind::kLost:
      log::warning({"the runtime does not answer", message_ids::kRuntimeLost},
                   {{"error", hint.what}});
      host_->runtime_lost(hint.what);
      return;
    case runtime::Hint::Kind::kFound:
      log::info({"the runtime answers", message_ids::kRuntimeFound});
      learn_about();
      host_->runtime_found();
      return;
  }
}

void Daemon::learn_about() {
  driver_->about([this](const runtime::Result<runtime::About>& about) {
    if (!about) return;
    control::NodeStatus& status = operator_->node_status();
    status.runtime = about->runtime + " " + about->version;
    images_->set_storage(about->storage);
    std::vector<std::string> warnings;
    for (const runtime::Warning& warning : about->warnings) {
      warnings.push_back(warning.what + "; " + warning.fix);
    }
    if (warnings == status.runtime_warnings) return;
    status.runtime_warnings = std::move(warnings);
    for (const std::string& warning : status.runtime_warnings) log::warning(warning);
  });
}

void Daemon::examine(const control::Reply<std::vector<doctor::Check>>& reply) {
  learn_about();  // what it says may have been mended since
  diagnosis_->look({config_, options_.state_dir, options_.run_dir, "", gate_program_},
                   [reply](std::vector<doctor::Check> checks) { reply(std::move(checks)); });
}

core::Time Daemon::step(const std::vector<core::Event>& events) {
  dispatch_->release(core_->begin_step(monotonic_now(), events));
  const core::Decision decision = core_->finish_step();
  dispatch_->perform(decision.actions);
  observe(decision);
  return decision.wake_at;
}

void Daemon::observe(const core::Decision& decision) {
  observer_->observe(decision);
  if (!decision.transitions.empty()) memory_.worked();
  desired_->forget_ended(core_->model().pools);
  if (fleet_) fleet_->observe();
  webhook_->observe();
  for (const core::Transition& transition : decision.transitions) {
    if (transition.what == core::words::kPoolGone) drop_pool(transition.pool);
  }
  if (core_->model().adopted && !std::exchange(swept_, true)) sweep_pools();
}

void Daemon::drop_pool(const core::PoolName& pool) {
  workplaces_->drop_pool(pool);
  evidence_.drop_pool(pool);
}

void Daemon::sweep_pools() {
  for (const std::string& pool : workplaces_->pools()) {
    if (!core_->model().pools.contains(pool)) drop_pool(pool);
  }
}

void Daemon::wait_for_signals() {
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) {
    boost::system::error_code ignored;
    signals_.add(number, ignored);
  }
  signals_.async_wait([this](const boost::system::error_code& error, int number) {
    if (error) return;
    if (number == SIGHUP) {
      (void)reload_->run();
      wait_for_signals();
      return;
    }
    service_->stopping();
    webhook_->close([this] { context_.stop(); });
  });
}

}  // namespace mayfly::agent
