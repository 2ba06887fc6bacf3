// Sees workers end, and signals them, through pidfds: no PID is ever used without one. Also holds
// each worker's namespaces open: the teardown of the mounts would stand between the end of the
// worker and the moment at which the end can be seen, and that of the others would take the cpu
// from the next worker's first steps. Knows worker ids and PIDs; nothing of runtimes.
#pragma once

#include <sys/types.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/closer.h"
#include "agent/core/exit.h"
#include "agent/core/ids.h"
#include "agent/core/time.h"

namespace mayfly::agent {

class ProcessWatch {
 public:
  using Exited = std::function<void(core::WorkerId, core::Time)>;

  /// `exited` is called once per watched worker, on the loop.
  ProcessWatch(boost::asio::io_context& loop, Exited exited);
  ~ProcessWatch();
  ProcessWatch(const ProcessWatch&) = delete;
  ProcessWatch& operator=(const ProcessWatch&) = delete;

  /// False: the process has ended already, or is not in the container's cgroup (the PID was
  /// reused). `cgroup`: its path or a part of it that no other has. Idempotent.
  [[nodiscard]] bool watch(core::WorkerId worker, pid_t pid, const std::string& cgroup);

  [[nodiscard]] bool watching(core::WorkerId worker) const { return watched_.contains(worker); }

  /// False: not watched, or ended.
  bool signal(core::WorkerId worker, int signal_number);

  /// The status of an ended worker, where the kernel tells it of another's child (6.15 and later)
  /// and its parent has reaped it by now.
  [[nodiscard]] std::optional<core::ExitStatus> exit_status(core::WorkerId worker) const;

  void forget(core::WorkerId worker);

  struct Process {
    pid_t pid = 0;
    int pidfd = -1;  ///< ours
  };
  [[nodiscard]] std::optional<Process> process(core::WorkerId worker) const;

 private:
  struct Watched {
    Watched(boost::asio::io_context& loop, int pidfd, pid_t process)
        : descriptor(loop, pidfd), pid(process) {}
    boost::asio::posix::stream_descriptor descriptor;
    pid_t pid;
    std::vector<int> namespaces;
  };

  void wait(core::WorkerId worker, Watched& watched);
  void let_go(Watched& watched);

  boost::asio::io_context& loop_;
  Exited exited_;
  std::map<core::WorkerId, std::unique_ptr<Watched>> watched_;
  Closer closer_;
};

}  // namespace mayfly::agent
