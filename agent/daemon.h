// The daemon put together: start-up as a list, then the loop until a signal ends it. Workers are
// left running: stopping the daemon is not stopping them.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <tl/expected.hpp>

#include "agent/control/server.h"
#include "agent/core/core.h"
#include "agent/desired.h"
#include "agent/diagnosis.h"
#include "agent/dispatch.h"
#include "agent/fleet/fleet.h"
#include "agent/fleet/node_orders.h"
#include "agent/host.h"
#include "agent/images.h"
#include "agent/loop.h"
#include "agent/memory_return.h"
#include "agent/observer.h"
#include "agent/operator.h"
#include "agent/recorder.h"
#include "agent/reload.h"
#include "agent/service.h"
#include "agent/webhook/sender.h"
#include "agent/workplaces.h"
#include "systemd/listen_fds.h"

namespace mayfly::agent {

class Daemon {
 public:
  struct Options {
    std::filesystem::path config_file;
    std::filesystem::path state_dir;
    std::filesystem::path run_dir;
  };

  explicit Daemon(Options options);
  ~Daemon();

  /// Everything up to the first turn. Error: one line, why it cannot run.
  [[nodiscard]] tl::expected<void, std::string> start(const config::Document& document);

  /// Until SIGTERM or SIGINT.
  void run();

 private:
  tl::expected<void, std::string> make_run_dir();
  tl::expected<void, std::string> open_store(const config::History& history);
  tl::expected<void, std::string> open_runtime(const config::Daemon& config);
  tl::expected<void, std::string> find_gate(const config::Runtime& runtime);
  void make_core(const config::Daemon& config);
  void make_images(const config::Images& config);
  void make_service(const std::string& runtime);
  void join_fleet(const config::Daemon& config);
  tl::expected<void, std::string> serve(const config::Control& control,
                                        const std::vector<systemd::ListenFd>& handed_over);
  control::NodeStatus node_status(const config::Document& document) const;

  void hinted(const runtime::Hint& hint);
  void learn_about();
  void examine(const control::Reply<std::vector<doctor::Check>>& reply);
  /// A turn's worth: in, decided, carried out. Returns when the next is due at the latest.
  core::Time step(const std::vector<core::Event>& events);
  void observe(const core::Decision& decision);
  void drop_pool(const core::PoolName& pool);
  /// Logs of pools that earlier runs had and nobody wants.
  void sweep_pools();
  void wait_for_signals();

  Options options_;
  boost::asio::io_context context_{1};
  boost::asio::signal_set signals_;
  MemoryReturn memory_;
  config::Daemon config_;  ///< as of the start
  bool swept_ = false;
  int run_lock_ = -1;
  std::string gate_program_;
  Inbox inbox_;
  Evidence evidence_;
  Catalog catalog_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<runtime::Driver> driver_;
  std::unique_ptr<Host> host_;
  std::unique_ptr<Workplaces> workplaces_;
  std::unique_ptr<Recorder> recorder_;
  std::unique_ptr<Images> images_;
  std::unique_ptr<Diagnosis> diagnosis_;
  std::unique_ptr<Desired> desired_;
  std::unique_ptr<core::Core> core_;
  std::unique_ptr<Dispatch> dispatch_;
  std::unique_ptr<Observer> observer_;
  std::unique_ptr<Loop> loop_;
  std::unique_ptr<Service> service_;
  std::unique_ptr<Operator> operator_;
  std::unique_ptr<fleet::NodeOrders> node_orders_;
  std::unique_ptr<Reload> reload_;
  std::unique_ptr<fleet::Fleet> fleet_;  ///< none: the node is on its own
  std::unique_ptr<webhook::Sender> webhook_;
  std::unique_ptr<control::Server> server_;
};

}  // namespace mayfly::agent
