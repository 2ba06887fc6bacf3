#include "agent/workplaces.h"

#include <fcntl.h>
#include <unistd.h>

#include <limits>
#include <utility>

#include "agent/crash_point.h"
#include "agent/log.h"
#include "agent/names.h"

namespace mayfly::agent {
namespace {

gate::Hold to_gate(config::Hold hold) {
  switch (hold) {
    case config::Hold::kGate:
      return gate::Hold::kGate;
    case config::Hold::kExec:
      return gate::Hold::kExec;
    case config::Hold::kApp:
      return gate::Hold::kApp;
  }
  return gate::Hold::kGate;
}

std::string name_of(const WorkerRef& worker) {
  return worker_name(worker.pool, worker.id);
}

/// Runs `then(id)` for a name that is a worker's; gates speak in names, the core in ids.
template <class Then>
void with_id(const std::string& name, Then then) {
  if (const auto parsed = parse_worker_name(name)) then(parsed->worker);
}

/// What a release says to the worker itself.
gate::Environment environment_of(core::SlotIndex slot) {
  return {{"MAYFLY_SLOT", std::to_string(slot)}};
}
constexpr auto kSlotLast = std::numeric_limits<core::SlotIndex>::max();

}  // namespace

Workplaces::Workplaces(boost::asio::io_context& loop, Inbox& inbox, const std::string& run_dir)
    : inbox_(inbox),
      gates_(loop, {.root = run_dir + "/workers", .reserved = environment_of(kSlotLast)},
             callbacks()),
      logs_(loop, run_dir + "/logs"),
      watch_(loop, [this](core::WorkerId worker, core::Time at) {
        inbox_.post(core::WorkerExited{worker, at, watch_.exit_status(worker)});
        ended(worker);
      }) {}

gate::Callbacks Workplaces::callbacks() {
  gate::Callbacks calls;
  calls.ready = [this](const std::string& name) {
    with_id(name, [&](core::WorkerId id) { inbox_.post(core::GateReady{id}); });
  };
  calls.lost = [this](const std::string& name, std::string reason) {
    with_id(name, [&](core::WorkerId id) { inbox_.post(core::GateLost{id, std::move(reason)}); });
  };
  calls.running = [this](const std::string& name, std::int64_t at_ns) {
    const core::Time at{core::Duration{at_ns}};
    with_id(name, [&](core::WorkerId id) { inbox_.post(core::WorkerRunning{id, at}); });
  };
  calls.failed = [this](const std::string& name, std::string reason) {
    with_id(name, [&](core::WorkerId id) {
      inbox_.post(core::ReleaseFailed{id, std::move(reason)});
    });
  };
  calls.untraced = [this](const std::string& name, const std::string& reason) {
    if (std::exchange(is_untraced_told_, true)) return;
    log::warning("hold = \"exec\" is \"gate\" here", {{"worker", name}, {"reason", reason}});
  };
  return calls;
}

tl::expected<void, std::string> Workplaces::open(const WorkerRef& worker, config::Hold hold,
                                                 const config::Logs& bounds) {
  const std::string name = name_of(worker);
  auto writers = logs_.open(worker.pool, name, {bounds.worker_bytes, bounds.pool_bytes});
  if (!writers) return tl::unexpected(writers.error());
  const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  auto opened = gates_.open(name, to_gate(hold), {null, writers->out, writers->err});
  for (const int fd : {null, writers->out, writers->err}) ::close(fd);
  if (!opened) {
    logs_.discard(worker.pool, name);
    return opened;
  }
  names_[worker.id] = name;
  tell_gate(worker.id);
  return {};
}

void Workplaces::adopt_logs(const WorkerRef& worker, const config::Logs& bounds) {
  logs_.adopt(worker.pool, name_of(worker), {bounds.worker_bytes, bounds.pool_bytes});
}

bool Workplaces::attach(core::WorkerId worker, pid_t pid, const std::string& cgroup) {
  set_cgroup(worker, cgroup);
  if (!watch_.watch(worker, pid, cgroup)) return false;
  tell_gate(worker);
  return true;
}

/// Once there are both.
void Workplaces::tell_gate(core::WorkerId worker) {
  const auto name = names_.find(worker);
  const auto process = watch_.process(worker);
  if (name != names_.end() && process) gates_.started(name->second, process->pid, process->pidfd);
}

void Workplaces::ended(core::WorkerId worker) {
  const auto name = names_.find(worker);
  if (name != names_.end()) gates_.ended(name->second);
}

std::string Workplaces::cgroup(core::WorkerId worker) const {
  const auto found = cgroups_.find(worker);
  return found == cgroups_.end() ? "" : found->second;
}

void Workplaces::release(const WorkerRef& worker, core::SlotIndex slot) {
  crash_point("release.before");
  gate::Release frame;
  frame.slot = slot;
  frame.env = environment_of(slot);
  if (const auto sent_ns = gates_.release(name_of(worker), frame)) {
    release_sent_[worker.id] = core::Time{core::Duration{*sent_ns}};
  }
  crash_point("release.after");
}

void Workplaces::signal(core::WorkerId worker, int signal_number) {
  watch_.signal(worker, signal_number);
}

std::optional<core::ExitStatus> Workplaces::exit_status(core::WorkerId worker) const {
  return watch_.exit_status(worker);
}

void Workplaces::detach(core::WorkerId worker) {
  ended(worker);
  watch_.forget(worker);
}

void Workplaces::close(const WorkerRef& worker) {
  const std::string name = name_of(worker);
  const bool ran = gates_.released_to(name).has_value();
  watch_.forget(worker.id);
  gates_.close(name);
  if (ran) {
    logs_.ended(worker.pool, name);
  } else {
    logs_.discard(worker.pool, name);
  }
  names_.erase(worker.id);
  release_sent_.erase(worker.id);
  cgroups_.erase(worker.id);
}

std::string Workplaces::gate_mount(const WorkerRef& worker) const {
  return gates_.mount_source(name_of(worker));
}

std::optional<core::SlotIndex> Workplaces::released_to(const WorkerRef& worker) const {
  return gates_.released_to(name_of(worker));
}

std::optional<core::Time> Workplaces::release_sent(core::WorkerId worker) const {
  const auto found = release_sent_.find(worker);
  if (found == release_sent_.end()) return std::nullopt;
  return found->second;
}

}  // namespace mayfly::agent
