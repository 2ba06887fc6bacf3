// The host's side of each worker: its gate, its log files, the watch on its process. Turns what
// happens there into events. Knows worker ids and names; refuses to know runtimes and policy.
#pragma once

#include <sys/types.h>

#include <boost/asio/io_context.hpp>
#include <map>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "agent/core/exit.h"
#include "agent/core/ids.h"
#include "agent/inbox.h"
#include "agent/logs/logs.h"
#include "agent/process_watch.h"
#include "config/document.h"
#include "runtime/gate/gates.h"

namespace mayfly::agent {

/// A worker by all its names.
struct WorkerRef {
  core::WorkerId id{};
  core::PoolName pool;
};

class Workplaces {
 public:
  /// `run_dir`: gates and logs live below it. `inbox` outlives this.
  Workplaces(boost::asio::io_context& loop, Inbox& inbox, const std::string& run_dir);

  /// Makes the gate and the log files, before the container is created; again for a worker that an
  /// earlier run made: one that was marked as released and is held all the same comes back to its
  /// gate. Error: one line; nothing is left of it then.
  [[nodiscard]] tl::expected<void, std::string> open(const WorkerRef& worker, config::Hold hold,
                                                     const config::Logs& bounds);
  /// For all running workers of an earlier run, before any of them is opened.
  void adopt_logs(const WorkerRef& worker, const config::Logs& bounds);

  /// The container runs: watch its first process. False: it has ended already.
  [[nodiscard]] bool attach(core::WorkerId worker, pid_t pid, const std::string& cgroup);
  /// Where its container is or was, also of one that does not run.
  void set_cgroup(core::WorkerId worker, const std::string& cgroup) { cgroups_[worker] = cgroup; }
  /// Below the hierarchies' roots; "" = not known.
  [[nodiscard]] std::string cgroup(core::WorkerId worker) const;

  void release(const WorkerRef& worker, core::SlotIndex slot);
  void signal(core::WorkerId worker, int signal_number);
  [[nodiscard]] std::optional<core::ExitStatus> exit_status(core::WorkerId worker) const;

  /// The mount namespace and the pidfd go; to be called before the container is removed.
  void detach(core::WorkerId worker);
  /// Gate and directory go; the logs of a worker that ran stay within their bounds.
  void close(const WorkerRef& worker);
  void drop_pool(const core::PoolName& pool) { logs_.drop_pool(pool); }
  /// Pools that have logs on this host.
  [[nodiscard]] std::vector<std::string> pools() const { return logs_.pools(); }

  [[nodiscard]] std::string gate_mount(const WorkerRef& worker) const;
  [[nodiscard]] std::optional<core::SlotIndex> released_to(const WorkerRef& worker) const;
  /// When the release frame was sent, by this run.
  [[nodiscard]] std::optional<core::Time> release_sent(core::WorkerId worker) const;
  /// Names of workers with a directory on this host.
  [[nodiscard]] std::vector<std::string> present() const { return gates_.present(); }
  [[nodiscard]] const logs::Logs& logs() const { return logs_; }

 private:
  gate::Callbacks callbacks();
  void tell_gate(core::WorkerId worker);
  void ended(core::WorkerId worker);

  Inbox& inbox_;
  gate::Gates gates_;
  logs::Logs logs_;
  ProcessWatch watch_;
  bool is_untraced_told_ = false;
  std::map<core::WorkerId, std::string> names_;  ///< of those that are open
  std::map<core::WorkerId, core::Time> release_sent_;
  std::map<core::WorkerId, std::string> cgroups_;
};

}  // namespace mayfly::agent
