// This node as a member of its fleet, as far as that is thought and not done: the session with
// etcd, the slots that it holds, the brake on shrinking, and what of these goes to disk. Refuses to
// know what documents say. Pure, so that the simulator runs it as it is. Owned by the fleet.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "agent/coordinator/brake.h"
#include "agent/coordinator/session.h"
#include "agent/fleet/memory.h"
#include "agent/fleet/slots.h"

namespace mayfly::fleet {

class Membership {
 public:
  struct Origin {
    const config::Coordinator& config;
    std::string node;
    std::string instance;
    std::map<std::string, std::string> labels;
    std::uint64_t seed = 0;
    const Documents& rows;                                ///< what the disk has
    const std::vector<agent::Desired::FromFleet>& known;  ///< what is in force from the start
  };

  /// The model outlives this; `origin` need not.
  Membership(const Origin& origin, const core::Model& model, Slots::Allot allot);

  /// There is something that the session is to be told.
  [[nodiscard]] bool has_news() const { return slots_.has_news(); }
  struct Stepped {
    coordinator::Decision decision;
    /// To disk at once: a node that is killed now comes back with the slots that it runs.
    std::optional<store::FleetDocument> row;
  };
  [[nodiscard]] Stepped step(core::Time now, std::vector<coordinator::Event> events);

  [[nodiscard]] const coordinator::Session& session() const { return session_; }
  [[nodiscard]] const Slots::Shared& shared() const { return slots_.shared(); }
  void share(const std::string& pool, const coordinator::SharedPool& shared) {
    slots_.share(pool, shared);
  }
  void unshare(const std::string& pool) { slots_.unshare(pool); }

  /// How many of the pool are in force from now on, where so many are wanted.
  [[nodiscard]] std::uint32_t limit(const std::string& pool, std::uint32_t wanted, core::Time now) {
    return brake_.limit(pool, wanted, now);
  }
  /// As many of the pool as may be taken away at once are; the rest later. True: none is left.
  [[nodiscard]] bool shrink_to_nothing(const std::string& pool, core::Time now);
  /// The pools that have more than is wanted of them.
  [[nodiscard]] const std::set<std::string>& braked() const { return brake_.braked(); }
  /// When those may shrink further; kNever: there are none.
  [[nodiscard]] core::Time shrinks_at(core::Time now) const;

 private:
  /// What the row without a pool is made of: the cluster, the epoch and the slots.
  using Kept = std::pair<std::pair<std::uint64_t, std::uint64_t>, coordinator::Slots>;

  [[nodiscard]] Kept to_be_kept() const;
  [[nodiscard]] std::optional<store::FleetDocument> row_to_keep();

  std::string cluster_;
  coordinator::Session session_;
  Slots slots_;
  coordinator::Brake brake_;
  Kept kept_;
};

}  // namespace mayfly::fleet
