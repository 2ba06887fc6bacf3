// The checkers. They keep the ledger of what the core was told and has asked for, and judge each
// action, each hand-over, each removal and each step against the truth. README.md lists the rules.
#pragma once

#include <map>
#include <set>
#include <utility>
#include <vector>

#include "agent/core/core.h"
#include "tests/simulation/scene.h"

namespace mayfly::simulation {

class Audit final : public Observer {
 public:
  explicit Audit(Scene& scene) : scene_(scene) {}

  // ---- what the agent shows it ----
  void begin_run(WorkerId first);
  void told(const std::vector<Event>& events);  ///< before the step that takes them in
  void decided(const Decision& decision);       ///< before any of it is carried out
  void acting(const Action& action);            ///< before it is carried out
  void stepped(const Core& core, const Decision& decision, std::size_t events);

  // ---- what the truth shows it ----
  void handed_over(WorkerId worker) override;
  void gone(WorkerId worker) override;
  void recorded(const ExitRecord& record) override;

  // ---- when the faults are over ----
  /// From now on a pool may be short of workers for `allowance` only.
  void demand_fullness(Duration allowance);
  /// There are faults again.
  void demand_nothing() { allowance_.reset(); }
  /// Judges it now.
  void check_fullness(const Core* core);
  /// Everything is as wanted and nothing is left over; else, one reason why not.
  [[nodiscard]] std::string unsettled(const Core* core) const;
  /// Actions since the last call.
  [[nodiscard]] std::uint32_t take_action_count() { return std::exchange(actions_, 0); }

 private:
  struct Ledger;  // of events: audit_ledger.cpp
  struct Rules;   // of actions: audit_actions.cpp

  /// What the core of this run knows of a pool.
  struct Known {
    PoolSettings settings;
    bool dropped = false;
    std::uint32_t replicas_before = 0;  ///< the least in this batch of events
    bool stops_surplus = true;          ///< at any time in this batch
  };

  void learn_releases(const InventoryTaken& first);
  [[nodiscard]] std::string reasons(const Core* core, const PoolName& pool) const;
  /// Whether an inventory that counts has reached this run's core.
  enum class Adoption : std::uint8_t { kNone, kPerhaps, kSure };

  void check_step_order(const Decision& decision);
  void check_idle_spares(const Core& core);
  void check_host(const Core& core);
  void check_node(const Core& core, const Decision& decision);
  void check_drain(const Model& model, const Decision& decision);
  void check_withheld(const Model& model);
  void check_reasons(const Core& core);
  void check_sizes(const Core& core);
  [[nodiscard]] std::size_t never_begun() const;
  void check_slow_starts(const Core& core, const Decision& decision);
  [[nodiscard]] std::uint32_t starts_inflight() const;
  void check_pace(const Decision& decision, std::size_t events);
  void check_revisions(const Core& core);
  [[nodiscard]] std::string unsettled_worker(const Model& model, const Container& there) const;
  [[nodiscard]] std::string unsettled_pool(const Model& model, const PoolName& pool) const;
  [[nodiscard]] std::string unsettled_fate(WorkerId worker, const Fate& fate) const;

  Scene& scene_;
  // of this run
  WorkerId first_{};
  Adoption adoption_ = Adoption::kNone;
  std::map<PoolName, Known> known_;
  std::set<std::pair<PoolName, Revision>> prepared_;
  std::map<PoolName, Revision> active_;
  Limits limits_;
  double start_tokens_ = 0;
  Time start_tokens_at_{};
  std::map<InventoryNumber, Time> lists_;
  InventoryNumber last_list_{};
  std::map<PoolName, Time> preparing_;
  struct Shutdown {
    Time began{};  ///< when the core was told
    Time until{};
    bool let_go = false;
  };
  std::optional<Shutdown> shutdown_;
  NodeSettings node_;  ///< as the core was told
  // of all runs
  std::set<std::pair<PoolName, Revision>> ever_prepared_;
  std::map<PoolName, Revision> newest_released_;
  std::map<PoolName, std::uint32_t> replicas_most_;
  std::uint32_t actions_ = 0;
  std::uint32_t steps_ = 0;
  std::uint64_t batches_ = 0;
  struct Pace {
    Time second{};
    std::size_t idle_steps = 0;  ///< with neither events nor actions
    std::size_t actions = 0;
  };
  Pace pace_;
  std::optional<Duration> allowance_;
  std::map<PoolName, Time> full_at_;
};

}  // namespace mayfly::simulation
