// Where the documents of a fleet are read and written: what was read is changed only if it is still
// the same, under a revision of its own and beside its history, and what became of a write is found
// out, not guessed. Knows the layout of the keys; refuses to know what people typed and what is
// shown to them.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "agent/cli/fleet/key_store.h"
#include "agent/cli/outcome.h"
#include "agent/coordinator/claim_text.h"
#include "agent/coordinator/desired_state.h"
#include "config/fleet_pool.h"

namespace mayfly::cli::fleet {

/// A pool's key as it is.
struct PoolKey {
  std::string name;
  std::int64_t mod_revision = 0;  ///< 0: it is not there
  config::FleetPool document;     ///< of one that cannot be read, nothing
  std::string fault;              ///< why it cannot be read; "": it can

  /// There, and no tombstone.
  [[nodiscard]] bool is_there() const { return mod_revision != 0 && !document.deleted; }
};

struct Written {
  std::int64_t mod_revision = 0;
  std::uint32_t revision = 0;
  std::string overtaken;  ///< who has changed it since; "": nobody
};

/// What people order of a node.
struct NodeOrder {
  std::string scheduling;  ///< "open", "cordoned" or "drained"
  std::optional<std::int64_t> deadline_s;
  bool force = false;
};

struct NodeKeys {
  std::string name;
  std::optional<etcd::KeyValue> info;
  std::optional<etcd::KeyValue> status;
  std::optional<etcd::KeyValue> desired;
  std::optional<etcd::KeyValue> member;
};

class Desk {
 public:
  struct Author {
    std::string name;                    ///< "anna@laptop"
    std::function<std::string()> now;    ///< RFC 3339
    std::function<std::string()> token;  ///< another one each time
  };
  static constexpr std::uint32_t kHistoryKept = 20;

  Desk(KeyStore& store, std::string cluster, Author author);

  [[nodiscard]] const std::string& cluster() const { return cluster_; }

  [[nodiscard]] Result<PoolKey> pool(const std::string& name);
  [[nodiscard]] Result<std::vector<PoolKey>> pools();  ///< tombstones too
  /// The oldest first.
  [[nodiscard]] Result<std::vector<PoolKey>> history(const std::string& name);

  /// Puts a document in the place of `before`; its stamp is given here. kRefused: somebody else was
  /// first. kTimedOut: what became of it cannot be found out.
  [[nodiscard]] Result<Written> write(const PoolKey& before, config::FleetPool document);

  /// All of which something is known.
  [[nodiscard]] Result<std::vector<NodeKeys>> nodes();
  [[nodiscard]] std::vector<LeaseTime> lease_times(const std::vector<std::int64_t>& leases);
  /// Who holds which slot of pools with a total.
  [[nodiscard]] Result<std::vector<coordinator::Claim>> claims();
  /// The order's id. kNotFound: nothing is known of such a node.
  [[nodiscard]] Result<std::string> order(const std::string& node, const NodeOrder& order);

 private:
  struct Attempt;

  [[nodiscard]] Result<std::uint32_t> next_revision(const PoolKey& before);
  [[nodiscard]] Result<etcd::TxnAnswer> settle(const etcd::Txn& txn, const std::string& if_unknown);
  [[nodiscard]] Result<Written> judge(const Attempt& attempt, const etcd::TxnAnswer& answer) const;
  [[nodiscard]] Outcome expect_node(const std::string& node);
  [[nodiscard]] Failure failure(const etcd::Error& error) const;

  KeyStore& store_;
  std::string cluster_;
  coordinator::Keys keys_;
  Author author_;
};

}  // namespace mayfly::cli::fleet
