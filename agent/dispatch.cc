#include "agent/dispatch.h"

#include <signal.h>

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <set>
#include <utility>

#include "agent/clock.h"
#include "agent/container_spec.h"
#include "agent/crash_point.h"
#include "agent/names.h"

namespace mayfly::agent {
namespace {

using namespace std::chrono_literals;

/// The kernel tells an exit status once the parent has reaped the process, some milliseconds after
/// its end: asked at 2, 6, 14, 30 ms before the runtime is.
constexpr unsigned kExitStatusAsks = 4;
constexpr auto kExitStatusFirst = 2ms;

/// As long as a released gate needs to execute its command and to begin. What is done meanwhile for
/// the next spare and the dead worker takes the cpu from it: 1.9 ms became 3.4 on a busy host.
constexpr auto kQuietAfterRelease = 2ms;

core::ContainerState to_core(runtime::State state) {
  switch (state) {
    case runtime::State::kIncomplete:
      return core::ContainerState::kIncomplete;
    case runtime::State::kRunning:
      return core::ContainerState::kRunning;
    case runtime::State::kStopped:
      return core::ContainerState::kStopped;
  }
  return core::ContainerState::kIncomplete;
}

std::optional<core::ExitStatus> to_core(const std::optional<runtime::ExitStatus>& status) {
  if (!status) return std::nullopt;
  return core::ExitStatus{status->code, status->signal};
}

std::string label(const runtime::Container& container, const char* key) {
  const auto found = container.labels.find(key);
  return found == container.labels.end() ? std::string() : found->second;
}

}  // namespace

Dispatch::Dispatch(boost::asio::io_context& loop, Parts parts, Options options)
    : loop_(loop), parts_(parts), options_(std::move(options)), quiet_(loop) {}

Dispatch::~Dispatch() = default;

void Dispatch::release(const std::vector<core::ReleaseWorker>& releases) {
  for (const core::ReleaseWorker& each : releases) perform(each);
  if (!releases.empty()) keep_quiet();
}

void Dispatch::perform(const std::vector<core::Action>& actions) {
  later_.insert(later_.end(), actions.begin(), actions.end());
  if (!is_quiet_) perform_later();
}

void Dispatch::keep_quiet() {
  if (std::exchange(is_quiet_, true)) return;  // not longer: under churn there is always a release
  quiet_.expires_after(kQuietAfterRelease);
  quiet_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    is_quiet_ = false;
    perform_later();
  });
}

void Dispatch::perform_later() {
  for (const core::Action& action : std::exchange(later_, {})) {
    std::visit([this](const auto& each) { perform(each); }, action);
  }
}

void Dispatch::perform(const core::PrepareRevision& action) {
  const KnownRevision* known = parts_.catalog.revision(action.pool, action.revision);
  if (known == nullptr) {
    parts_.inbox.post(core::RevisionFailed{action.pool, action.revision, "unknown revision"});
    return;
  }
  const CatalogPool* pool = parts_.catalog.find(action.pool);
  const config::Pull pull = pool != nullptr ? pool->desired.pull : config::Pull::kMissing;
  const runtime::ImageWanted wanted{known->worker.image, known->row.image, to_runtime(pull)};
  auto timer = timed("prepare_image");
  parts_.images.prepare(wanted, [this, action,
                                 timer](const runtime::Result<runtime::Image>& prepared) {
    timer();
    if (prepared) return image_ready(action, *prepared);
    parts_.inbox.post(core::RevisionFailed{action.pool, action.revision, prepared.error().what});
  });
}

void Dispatch::image_ready(const core::PrepareRevision& action, const runtime::Image& image) {
  const KnownRevision* known = parts_.catalog.revision(action.pool, action.revision);
  if (known == nullptr) return;  // the pool has gone meanwhile
  // A revision keeps the digest that it was first resolved to, for ever.
  if (!known->row.image.empty()) {
    parts_.inbox.post(core::RevisionPrepared{action.pool, action.revision});
    return;
  }
  store::Revision row = known->row;
  row.image = image.digest;
  parts_.catalog.set_image(action.pool, action.revision, row.image);
  options_.save_revision(row, [this, action](bool saved) {
    if (saved) parts_.inbox.post(core::RevisionPrepared{action.pool, action.revision});
  });
}

void Dispatch::perform(const core::StartWorker& action) {
  const WorkerRef worker{action.worker, action.pool};
  known_[worker.id] = worker.pool;
  const KnownRevision* known = parts_.catalog.revision(action.pool, action.revision);
  if (known == nullptr) {
    start_answered(worker, tl::unexpected(runtime::Fault{runtime::FaultKind::kRefused,
                                                         "the revision is not known"}));
    return;
  }
  auto opened = parts_.workplaces.open(worker, known->worker.hold, log_bounds(worker.pool));
  if (!opened) {
    start_answered(worker, tl::unexpected(runtime::Fault{runtime::FaultKind::kFailed,
                                                         "gate: " + opened.error()}));
    return;
  }
  crash_point("start.opened");
  const WorkerPlace place{.instance = options_.instance,
                          .container = container_name(worker),
                          .worker = worker_name(worker.pool, worker.id),
                          .gate_program = options_.gate_program,
                          .gate_mount = parts_.workplaces.gate_mount(worker)};
  auto timer = timed("create");
  parts_.driver.create(container_spec(*known, place),
                       [this, worker, timer](runtime::Result<runtime::Started> started) {
                         timer();
                         crash_point("start.answered");
                         start_answered(worker, started);
                       });
  crash_point("start.asked");
}

void Dispatch::start_answered(const WorkerRef& worker,
                              const runtime::Result<runtime::Started>& started) {
  if (started) {
    attach(worker, *started);
    return;
  }
  const runtime::Fault& fault = started.error();
  if (fault.kind == runtime::FaultKind::kUnknown) {
    parts_.inbox.post(core::StartUncertain{worker.id, fault.what});
    return;
  }
  parts_.workplaces.close(worker);
  known_.erase(worker.id);
  parts_.inbox.post(core::StartFailed{worker.id, fault.what});
}

void Dispatch::attach(const WorkerRef& worker, const runtime::Started& started) {
  const bool runs = parts_.workplaces.attach(worker.id, started.pid, started.cgroup);
  parts_.inbox.post(core::WorkerStarted{worker.id});
  if (!runs) parts_.inbox.post(core::WorkerExited{worker.id, monotonic_now(), std::nullopt});
}

void Dispatch::perform(const core::ReleaseWorker& action) {
  parts_.workplaces.release({action.worker, pool_of(action.worker)}, action.slot);
}

void Dispatch::perform(const core::SignalWorker& action) {
  switch (action.signal) {
    case core::StopSignal::kTerm:
      parts_.workplaces.signal(action.worker, SIGTERM);
      return;
    case core::StopSignal::kKill:
      parts_.workplaces.signal(action.worker, SIGKILL);
      return;
  }
}

void Dispatch::perform(const core::QueryExit& action) {
  query_exit({action.worker, pool_of(action.worker)}, 0);
}

void Dispatch::query_exit(const WorkerRef& worker, unsigned attempt) {
  if (const auto status = parts_.workplaces.exit_status(worker.id)) {
    parts_.inbox.post(core::ExitStatusKnown{worker.id, status});
    return;
  }
  if (attempt == kExitStatusAsks) {
    query_runtime(worker);
    return;
  }
  auto timer =
      std::make_unique<boost::asio::steady_timer>(loop_, kExitStatusFirst * (1U << attempt));
  auto& wait = *timer;
  wait.async_wait([this, worker, attempt, kept = std::move(timer)](const auto& error) {
    if (!error) query_exit(worker, attempt + 1);
  });
}

void Dispatch::query_runtime(const WorkerRef& worker) {
  auto timer = timed("exit_status");
  parts_.driver.exit_status(
      container_name(worker),
      [this, worker, timer](runtime::Result<std::optional<runtime::ExitStatus>> status) {
        timer();
        if (status) {
          parts_.inbox.post(core::ExitStatusKnown{worker.id, to_core(*status)});
        } else if (status.error().kind == runtime::FaultKind::kNotFound) {
          parts_.inbox.post(core::ExitStatusKnown{worker.id, std::nullopt});
        } else {
          parts_.inbox.post(core::ExitStatusUncertain{worker.id});
        }
      });
}

void Dispatch::perform(const core::RecordExit& action) {
  parts_.recorder.record(action.record);
}

void Dispatch::perform(const core::RemoveWorker& action) {
  const WorkerRef worker{action.worker, pool_of(action.worker)};
  parts_.workplaces.detach(worker.id);
  auto timer = timed("remove");
  crash_point("remove.before");
  parts_.driver.remove(container_name(worker),
                       [this, worker, timer](runtime::Result<std::monostate> removed) {
                         timer();
                         crash_point("remove.answered");
                         if (!removed) {
                           parts_.inbox.post(core::RemoveFailed{worker.id, removed.error().what});
                           return;
                         }
                         parts_.workplaces.close(worker);
                         known_.erase(worker.id);
                         parts_.inbox.post(core::WorkerRemoved{worker.id});
                       });
  crash_point("remove.asked");
}

void Dispatch::perform(const core::TakeInventory& action) {
  auto timer = timed("list");
  parts_.driver.list([this, number = action.number,
                      timer](runtime::Result<std::vector<runtime::Container>> listed) {
    timer();
    if (!listed) {
      parts_.inbox.post(core::InventoryFailed{number});
      return;
    }
    parts_.inbox.post(translate(number, *listed));
  });
}

void Dispatch::perform(const core::LetHostGo& /*action*/) {
  options_.let_host_go();
}

core::InventoryTaken Dispatch::translate(core::InventoryNumber number,
                                         const std::vector<runtime::Container>& containers) {
  core::InventoryTaken taken{number, {}};
  std::vector<core::ObservedWorker> found;
  for (const runtime::Container& container : containers) {
    auto observed = observe(container);
    if (!observed) continue;
    if (attach_found(container, *observed)) found.push_back(*observed);
    taken.workers.push_back(std::move(*observed));
  }
  // All logs of a pool before any of it is opened: what is not adopted counts as ended.
  for (const core::ObservedWorker& worker : found) {
    parts_.workplaces.adopt_logs({worker.worker, worker.pool}, log_bounds(worker.pool));
  }
  for (const core::ObservedWorker& worker : found) open_found(worker);
  sweep(taken.workers);
  return taken;
}

std::optional<core::ObservedWorker> Dispatch::observe(const runtime::Container& container) {
  const auto parsed = worker_of_container(options_.instance, container.name);
  if (!parsed) return std::nullopt;
  core::ObservedWorker observed;
  observed.worker = parsed->worker;
  observed.pool = parsed->pool;
  observed.state = to_core(container.state);
  observed.status = to_core(container.status);
  observed.released_to = parts_.workplaces.released_to({parsed->worker, parsed->pool});
  const std::string number = label(container, kLabelRevision);
  const core::Revision revision{
      static_cast<std::uint32_t>(std::strtoul(number.c_str(), nullptr, 10))};
  const KnownRevision* known = parts_.catalog.revision(parsed->pool, revision);
  if (known != nullptr && known->row.hash == label(container, kLabelSpec)) {
    observed.revision = revision;
  }
  return observed;
}

config::Logs Dispatch::log_bounds(const core::PoolName& name) const {
  const CatalogPool* pool = parts_.catalog.find(name);
  return pool != nullptr ? pool->desired.logs : config::Logs{};
}

bool Dispatch::attach_found(const runtime::Container& container, core::ObservedWorker& observed) {
  const bool fresh = known_.emplace(observed.worker, observed.pool).second;
  if (!container.cgroup.empty()) parts_.workplaces.set_cgroup(observed.worker, container.cgroup);
  if (observed.state != core::ContainerState::kRunning) return false;
  if (parts_.workplaces.attach(observed.worker, container.pid, container.cgroup)) return fresh;
  observed.state = core::ContainerState::kStopped;
  return false;
}

void Dispatch::open_found(const core::ObservedWorker& observed) {
  const KnownRevision* known = parts_.catalog.revision(observed.pool, observed.revision);
  const config::Hold hold = known != nullptr ? known->worker.hold : config::Template{}.hold;
  // A gate that cannot be opened again shows as one that never gets ready: the core replaces it.
  (void)parts_.workplaces.open({observed.worker, observed.pool}, hold, log_bounds(observed.pool));
}

void Dispatch::sweep(const std::vector<core::ObservedWorker>& observed) {
  std::set<core::WorkerId> listed;
  for (const core::ObservedWorker& worker : observed) listed.insert(worker.worker);
  for (const std::string& name : parts_.workplaces.present()) {
    const auto parsed = parse_worker_name(name);
    if (!parsed || listed.contains(parsed->worker) || known_.contains(parsed->worker)) continue;
    parts_.workplaces.close({parsed->worker, parsed->pool});
    ++parts_.evidence.leaks["directory"];
  }
}

std::string Dispatch::container_name(const WorkerRef& worker) const {
  return container_prefix(options_.instance) + worker_name(worker.pool, worker.id);
}

const core::PoolName& Dispatch::pool_of(core::WorkerId worker) const {
  static const core::PoolName kNone;
  const auto found = known_.find(worker);
  return found == known_.end() ? kNone : found->second;
}

std::function<void()> Dispatch::timed(const char* op) {
  return [this, op, from = monotonic_now()] {
    parts_.evidence.runtime_ops[op].add(monotonic_now() - from);
  };
}

}  // namespace mayfly::agent
