// This node as one of many: what the coordinator's session asks for is asked of etcd, the pools
// that are for this node go to Desired and, before that, to disk, and what the node has to say goes
// back. Refuses to know when things are asked (the session's) and what a pool means (the
// decoder's). Owned by the daemon; on the loop's thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "agent/catalog.h"
#include "agent/control/operations.h"
#include "agent/coordinator/etcd/client.h"
#include "agent/desired.h"
#include "agent/evidence.h"
#include "agent/fleet/membership.h"
#include "agent/fleet/node_orders.h"
#include "agent/fleet/report.h"
#include "agent/store/store.h"
#include "config/document.h"
#include "config/fleet_pool.h"

namespace mayfly::fleet {

class Fleet {
 public:
  struct Parts {
    agent::Desired& desired;
    store::Store& store;
    const core::Model& model;
    WhyEmpty why;
    const agent::Catalog& catalog;
    const agent::Evidence& evidence;
    NodeOrders& orders;
    control::NodeStatus& node;  ///< what is said of the coordinator is kept up to date here
  };
  struct Options {
    config::Coordinator config;
    std::map<std::string, std::string> labels;
    std::uint64_t seed = 0;
    std::vector<agent::Desired::FromFleet> known = {};  ///< what is in force from the start
  };

  /// All parts outlive this.
  Fleet(boost::asio::io_context& loop, Parts parts, Options options);

  void start();

  /// To be called after each turn of the core's: there may be news to report.
  void observe();

 private:
  using Event = coordinator::Event;

  [[nodiscard]] const coordinator::Session& session() const { return membership_.session(); }
  void post(Event event);
  void schedule();
  void step();
  void show();
  void arm(core::Time wake_at);

  void perform(const coordinator::List& list);
  void perform(const coordinator::Watch& watch);
  void perform(const coordinator::StopWatch& stop);
  void perform(const coordinator::GrantLease& grant);
  void perform(const coordinator::KeepLease& keep);
  void perform(const coordinator::WriteReport& write);
  void perform(const coordinator::PutKey& put);
  void perform(const coordinator::DeleteKey& gone);
  void write_key(std::uint64_t number, std::vector<etcd::Compare> compares,
                 etcd::Operation operation);
  void reported(const coordinator::WriteReport& write, const etcd::Result<etcd::TxnAnswer>& answer);

  void consider_order(const std::vector<etcd::KeyValue>& found);
  /// The rest later. True: none is left.
  [[nodiscard]] bool shrink_to_nothing(const std::string& pool);
  /// None: as many are left as are wanted.
  [[nodiscard]] std::optional<agent::Allotment> braked(const std::string& pool,
                                                       std::uint32_t wanted);
  void go_on_shrinking();
  void shrink_further(const std::string& pool);
  [[nodiscard]] std::vector<std::string> alarms() const;
  void consider(const std::string& pool);
  void refuse(const std::string& pool, const std::string& why);
  void keep(const std::string& pool, std::function<void()> then);
  void apply(const std::string& pool, const config::FleetPool& given);
  /// Of its newest document; 0: there is none.
  [[nodiscard]] std::int64_t mod_revision_of(const std::string& pool) const;
  void forget(const std::string& pool);
  void leave(const std::string& pool);
  void drop(const std::string& pool);
  void end(const std::string& pool);
  void report();

  boost::asio::io_context& loop_;
  Parts parts_;
  Options options_;
  coordinator::Keys keys_;
  Membership membership_;
  boost::asio::steady_timer brake_timer_;
  boost::asio::steady_timer timer_;
  boost::asio::steady_timer report_timer_;
  bool is_report_due_ = false;
  std::vector<Event> events_;  ///< of the step to come
  bool is_scheduled_ = false;
  std::map<std::string, std::string> refused_;
  std::map<std::string, std::int64_t> refused_at_;  ///< mod_revision of the document
  std::map<std::string, std::int64_t> in_force_;    ///< the same
  std::int64_t informed_under_ = 0;                 ///< the lease that holds the node's info
  std::map<std::uint64_t, etcd::WatchId> watches_;  ///< by the session's numbers
  std::shared_ptr<char> alive_ = std::make_shared<char>();
  etcd::Client client_;  ///< the first to go: its calls lead back here
};

}  // namespace mayfly::fleet
