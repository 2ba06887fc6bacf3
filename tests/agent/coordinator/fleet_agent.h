// What the daemon makes of its session, as agent/fleet and agent/desired do, on a disk that is
// simulated: documents go to disk, to the catalog and to the core, the slots become as many
// workers, and what the core has in its slots goes back. The membership, the memory and the catalog
// are the real ones; only what waits for disks and registries is not. It lives as long as a run of
// the agent.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "agent/fleet/membership.h"
#include "config/fleet_pool.h"
#include "tests/simulation/node.h"

namespace mayfly::coordinator {

/// What outlives the daemon, beside the containers.
struct Disk {
  fleet::Documents documents = {};
  std::vector<store::Revision> revisions = {};
};

class FleetAgent {
 public:
  struct Parts {
    simulation::Node& node;
    Disk& disk;
    const config::Daemon& config;
  };
  /// What the core is told first of all, from the disk alone. To be called while no agent runs.
  static void restore(const Parts& parts);

  /// REQUIRES: the agent runs. Its pools are those of restore().
  FleetAgent(Parts parts, const std::string& instance, std::uint64_t seed);

  /// There is something that the session is to be told.
  [[nodiscard]] bool has_news() const { return !events_.empty() || membership_.has_news(); }
  struct Stepped {
    Decision decision;
    bool is_ordered = false;  ///< people have changed the pools or the node
  };
  [[nodiscard]] Stepped step(Time now, std::vector<Event> events);

  /// The disk has the slots that the session runs, or is about to have other ones.
  [[nodiscard]] bool keeps_its_slots() const;
  [[nodiscard]] const Session& session() const { return membership_.session(); }
  /// The pool is, or has been of late, on its way out of this node: its workers may be stopped.
  [[nodiscard]] bool is_leaving(const std::string& pool) const;

 private:
  using Given = config::FleetPool;

  void write(std::function<void()> what);
  void consider(const std::string& pool);
  void apply(const Given& given);
  void take(const Given& given);
  void save(const store::Revision& row);
  [[nodiscard]] bool is_current(const Given& given) const;
  void leave(const std::string& pool);
  void end(const std::string& pool);
  void drop(const std::string& pool);
  [[nodiscard]] bool shrink_to_nothing(const std::string& pool);
  void go_on_shrinking();
  void allot(const std::string& pool, const agent::Allotment& allotted);
  void tell(const std::string& pool);
  [[nodiscard]] Time now() const { return parts_.node.scene.now(); }

  Parts parts_;
  Keys keys_;
  agent::Catalog catalog_;
  fleet::Membership membership_;
  std::uint64_t brake_timer_ = 0;
  std::vector<Event> events_;
  Time written_at_{};                           ///< the disk does one thing after the other
  std::uint64_t asked_ = 0;                     ///< images that have been looked up
  std::map<std::string, std::uint64_t> taken_;  ///< the last of them that counted
  std::map<std::string, Time> left_;
  std::pair<fleet::Slots::Shared, core::NodeState> ordered_;  ///< by people, as of the last step
  std::shared_ptr<char> alive_ = std::make_shared<char>();
};

}  // namespace mayfly::coordinator
