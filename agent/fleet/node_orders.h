// What is ordered of the node itself, by people here or through the coordinator: made durable, then
// told to the core, and told again at the next start. A deadline is a point of wall-clock time on
// disk and of the monotonic clock in the core. Decides nothing about workers. Owned by the daemon.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "agent/control/operations.h"
#include "agent/inbox.h"
#include "agent/store/store.h"
#include "config/node_order.h"

namespace mayfly::fleet {

class NodeOrders {
 public:
  struct Parts {
    store::Store& store;
    const core::Model& model;
    agent::Inbox& inbox;
    control::NodeStatus& node;  ///< what is said of the orders is kept up to date here
  };

  /// All parts outlive this.
  explicit NodeOrders(Parts parts);

  /// Tells the core what was ordered in an earlier run. To be called before its first turn.
  void restore();

  /// An order of a person at this node. It holds until the next, whoever gives that.
  void take(const config::NodeOrder& order, control::Reply<control::NodeResult> reply);

  /// Where an order of the coordinator's stands.
  struct Origin {
    std::int64_t epoch = 0;
    std::int64_t revision = 0;
  };
  /// The order that the coordinator holds for this node; seen again, it is nothing new.
  void follow(const std::string& document, Origin origin);
  /// It holds none: what was ordered last goes on.
  void follow_none() { refuse(""); }

 private:
  void carry_out(store::NodeOrder row, control::Reply<control::NodeResult> reply);
  [[nodiscard]] core::NodeSettings settings(const store::NodeOrder& row) const;
  [[nodiscard]] bool changes(const config::NodeOrder& order) const;
  [[nodiscard]] store::NodeOrder row_for(const config::NodeOrder& order) const;
  void refuse(const std::string& why);
  void show();

  Parts parts_;
  store::NodeOrder row_;  ///< the last that was given, also while it is being written
};

/// What is left of a deadline: nothing beyond all of it, whatever the clock says now.
[[nodiscard]] std::optional<core::Duration> time_left(const store::NodeOrder& row,
                                                      std::int64_t now_unix_ms);

}  // namespace mayfly::fleet
