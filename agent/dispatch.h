// The only way out of the core: each action becomes calls to the runtime, the workplaces and the
// store, and each answer an event. Decides nothing.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/catalog.h"
#include "agent/core/action.h"
#include "agent/evidence.h"
#include "agent/images.h"
#include "agent/inbox.h"
#include "agent/recorder.h"
#include "agent/workplaces.h"
#include "runtime/driver.h"

namespace mayfly::agent {

class Dispatch {
 public:
  struct Options {
    std::string instance;
    std::string gate_program;
    /// Called when a revision's image has been resolved to a digest; must make it durable, then
    /// call the second argument.
    std::function<void(const store::Revision&, std::function<void(bool)>)> save_revision;
    std::function<void()> let_host_go;
  };
  struct Parts {
    Inbox& inbox;
    Catalog& catalog;
    runtime::Driver& driver;
    Images& images;
    Workplaces& workplaces;
    Recorder& recorder;
    Evidence& evidence;
  };

  /// All parts outlive this.
  Dispatch(boost::asio::io_context& loop, Parts parts, Options options);
  ~Dispatch();

  void release(const std::vector<core::ReleaseWorker>& releases);
  /// In the order given, and after the released have had a moment in which nothing of ours takes
  /// the cpu from them.
  void perform(const std::vector<core::Action>& actions);

 private:
  void perform(const core::PrepareRevision& action);
  void perform(const core::StartWorker& action);
  void perform(const core::ReleaseWorker& action);
  void perform(const core::SignalWorker& action);
  void perform(const core::QueryExit& action);
  void perform(const core::RecordExit& action);
  void perform(const core::RemoveWorker& action);
  void perform(const core::TakeInventory& action);
  void perform(const core::LetHostGo& action);

  void image_ready(const core::PrepareRevision& action, const runtime::Image& image);
  void keep_quiet();
  void perform_later();

  void start_answered(const WorkerRef& worker, const runtime::Result<runtime::Started>& started);
  void attach(const WorkerRef& worker, const runtime::Started& started);
  void query_exit(const WorkerRef& worker, unsigned attempt);
  void query_runtime(const WorkerRef& worker);
  core::InventoryTaken translate(core::InventoryNumber number,
                                 const std::vector<runtime::Container>& containers);
  std::optional<core::ObservedWorker> observe(const runtime::Container& container);
  [[nodiscard]] config::Logs log_bounds(const core::PoolName& name) const;
  /// Watches what runs. True: it runs, and is new to this run of the daemon.
  [[nodiscard]] bool attach_found(const runtime::Container& container,
                                  core::ObservedWorker& observed);
  void open_found(const core::ObservedWorker& observed);
  void sweep(const std::vector<core::ObservedWorker>& observed);

  [[nodiscard]] std::string container_name(const WorkerRef& worker) const;
  [[nodiscard]] const core::PoolName& pool_of(core::WorkerId worker) const;
  /// Counts how long `op` takes, from now to the call of the result.
  [[nodiscard]] std::function<void()> timed(const char* op);

  boost::asio::io_context& loop_;
  Parts parts_;
  Options options_;
  std::vector<core::Action> later_;
  boost::asio::steady_timer quiet_;
  bool is_quiet_ = false;                           ///< `later_` waits for `quiet_`
  std::map<core::WorkerId, core::PoolName> known_;  ///< every worker of which anything may exist
};

}  // namespace mayfly::agent
