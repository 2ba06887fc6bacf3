// Several nodes and one etcd, which alone knows the truth, in virtual time: first with every fault
// that a fleet has in life, then without. Safety is looked at in each step, liveness at the end.
// The same seed is the same story.
#pragma once

#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "tests/agent/coordinator/fleet_node.h"

namespace mayfly::coordinator {

struct Violation {
  std::string invariant;
  std::string text;
};

class FleetWorld {
 public:
  explicit FleetWorld(std::uint64_t seed);

  /// None: all was as it must be.
  [[nodiscard]] std::optional<Violation> run();

  struct Counts {
    std::uint64_t steps = 0;
    std::uint64_t claims = 0;
    std::uint64_t releases = 0;
  };
  [[nodiscard]] const Counts& counts() const { return counts_; }

 private:
  bool chance(int percent) { return has_faults_ && below(100) < percent; }
  int below(int most) { return static_cast<int>(random_() % static_cast<unsigned>(most)); }
  Duration some(Duration most) { return most * below(1000) / 1000; }
  Time now() const { return now_; }

  void turn();
  void step(SimulatedNode& node);
  void act();
  void act_on_node();
  void act_on_etcd();
  void cut();
  void join();
  void put_pool(const std::string& pool);
  void calm();

  // etcd, as a node sees it.
  struct Fate {
    enum class Kind : std::uint8_t { kDone, kNotDone, kDoneUnsaid, kDoneLater };
    Kind kind = Kind::kDone;
    [[nodiscard]] bool is_told() const { return kind == Kind::kDone; }
  };
  Fate::Kind fate(const SimulatedNode& node);
  static etcd::Error error_of(Fate::Kind fate);
  void arrive(SimulatedNode& node, Event event);
  void feed_watches(SimulatedNode& node, std::vector<Event>& events);
  void perform(SimulatedNode& node, const List& list);
  void perform(SimulatedNode& node, const Watch& watch);
  void perform(SimulatedNode& node, const StopWatch& stop);
  void perform(SimulatedNode& node, const GrantLease& grant);
  void perform(SimulatedNode& node, const KeepLease& keep);
  void perform(SimulatedNode& node, const WriteReport& write);
  void perform(SimulatedNode& node, const PutKey& put);
  void perform(SimulatedNode& node, const DeleteKey& gone);
  /// What etcd answers, or none where the key is not of that revision.
  std::optional<Event> commit(SimulatedNode& node, const PutKey& put);
  std::optional<Event> commit(SimulatedNode& node, const DeleteKey& gone);
  template <class Write>
  void write(SimulatedNode& node, const Write& what);

  // What must be.
  /// A lie about a lease makes a claim doubtful, and so does an etcd that has forgotten it.
  [[nodiscard]] bool are_claims_sure() const;
  void violate(const std::string& invariant, const std::string& text);
  void check_holders();
  void check_starts(const SimulatedNode& node, const Slots& before);
  void check_loss(const SimulatedNode& node, const Slots& before, bool is_ordered);
  void check_release(const SimulatedNode& node, const std::string& pool);
  void check_claim(const SimulatedNode& node, const std::string& pool);
  void check_converged();
  void check_pool(const std::string& pool, const SharedPool& shared);
  [[nodiscard]] std::map<std::string, std::uint32_t> holders(const std::string& pool) const;
  [[nodiscard]] bool takes(const SimulatedNode& node, const SharedPool& shared) const;

  static constexpr std::int64_t kTtlS = 60;

  std::mt19937_64 random_;
  bool has_lies_;  ///< a leader that was cut off says that a lease is kept
  bool has_long_cuts_;
  bool has_faults_ = true;
  Time now_{std::chrono::hours(1)};
  Time end_{};
  Time next_act_{std::chrono::hours(1)};
  Time changed_at_{};  ///< who takes part, or how much there is
  FakeEtcd etcd_;
  std::optional<FakeEtcd> backup_;
  Time restored_at_{};
  bool is_anything_new_ = false;
  std::uint64_t epoch_ = 0;
  std::vector<std::unique_ptr<SimulatedNode>> nodes_;
  std::map<std::string, std::string> pools_;
  std::multimap<Time, std::pair<SimulatedNode*, Action>>
      late_;  ///< writes that are still on the way
  std::optional<Violation> violation_;
  Counts counts_;
};

}  // namespace mayfly::coordinator
