// Several nodes and one etcd, which alone knows the truth, in virtual time: first with every fault
// that a fleet and its nodes have in life, then without. Safety is looked at in each step, liveness
// at the end. The same seed is the same story. README.md says what is real and what is held.
#pragma once

#include <map>
#include <optional>
#include <random>
#include <sstream>
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
  using Detail = simulation::Trace::Detail;
  explicit FleetWorld(std::uint64_t seed, Detail detail = Detail::kSilent);

  /// None: all was as it must be.
  [[nodiscard]] std::optional<Violation> run();

  struct Counts {
    std::uint64_t steps = 0;
    std::uint64_t claims = 0;
    std::uint64_t releases = 0;
    std::uint64_t lives = 0;  ///< those that are still remembered
    std::uint64_t runs = 0;   ///< of daemons
    bool operator==(const Counts&) const = default;
    Counts& operator+=(const Counts& other);
  };
  [[nodiscard]] const Counts& counts() const { return counts_; }
  [[nodiscard]] const std::vector<std::string>& story() const { return story_; }

 private:
  bool chance(int percent) { return has_faults_ && below(100) < percent; }
  int below(int most) { return static_cast<int>(random_() % static_cast<unsigned>(most)); }
  Duration some(Duration most) { return most * below(1000) / 1000; }
  Time now() const { return now_; }
  template <class... Parts>
  void note(const Parts&... parts) {
    if (detail_ == Detail::kSilent) return;
    std::ostringstream line;
    line << simulation::seconds(now_.time_since_epoch()) << "  ";
    (line << ... << parts);
    story_.push_back(line.str());
  }

  void run_until(Time end);
  void turn();
  void advance(SimulatedNode& node);
  void step(SimulatedNode& node);
  [[nodiscard]] bool gather(SimulatedNode& node, std::vector<Event>& events);

  // What people and the world do.
  void act();
  void act_on_node();
  void act_on_etcd();
  void order(SimulatedNode& node);
  void cut();
  void begin_long_cut(Time until);
  void end_long_cut();
  void join();
  void put_pool(const std::string& pool);
  void calm();
  void demand_fullness();

  // etcd, as a node sees it.
  struct Fate {
    enum class Kind : std::uint8_t { kDone, kNotDone, kDoneUnsaid, kDoneLater };
  };
  Fate::Kind fate(const SimulatedNode& node);
  static etcd::Error error_of(Fate::Kind fate);
  void arrive(SimulatedNode& node, Event event);
  /// It never arrives.
  void lose(SimulatedNode& node, const Event& event);
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
  struct Slot {
    std::string pool;
    std::string holder;                     ///< an instance; "": nobody
    std::map<std::string, Time> lost_at{};  ///< by those who held it before
  };
  /// A lie about a lease makes a claim doubtful, and so does an etcd that has forgotten it.
  [[nodiscard]] bool are_claims_sure() const;
  void violate(const std::string& invariant, const std::string& text);
  void look();
  void look_at(SimulatedNode& node);
  void follow_slots();
  void check_holders();
  void check_starts(const SimulatedNode& node, const Slots& before);
  void check_loss(const SimulatedNode& node, const Slots& before, bool is_ordered);
  void check_kept(const SimulatedNode& node, const Slots& before);
  void check_lives(const SimulatedNode& node, const std::string& pool);
  void check_release(const SimulatedNode& node, const std::string& pool);
  void check_claim(const SimulatedNode& node, const std::string& pool);
  void check_converged();
  void check_pool(const std::string& pool, const SharedPool& shared);
  void check_node(SimulatedNode& node);
  [[nodiscard]] std::map<std::string, std::uint32_t> holders(const std::string& pool) const;
  [[nodiscard]] bool takes(const SimulatedNode& node, const SharedPool& shared) const;
  [[nodiscard]] SharedPool shared(const std::string& pool) const;

  static constexpr std::int64_t kTtlS = 60;
  static constexpr std::size_t kNodesMax = 6;

  std::mt19937_64 random_;
  const Detail detail_;
  std::vector<std::string> story_;
  bool has_lies_;  ///< a leader that was cut off says that a lease is kept
  bool has_long_cuts_;
  bool has_faults_ = true;
  Time now_{std::chrono::hours(1)};
  Time end_{};
  Time next_act_{std::chrono::hours(1)};
  Time changed_at_{};  ///< who takes part, or how much there is
  Time calm_at_{};     ///< the end of the faults
  Time long_cut_until_{};
  std::optional<Time> full_from_;  ///< no pool is to be short of workers after
  Time looked_at_{};
  FakeEtcd etcd_;
  std::optional<FakeEtcd> backup_;
  Time restored_at_{};
  bool is_anything_new_ = false;
  std::uint64_t epoch_ = 0;
  std::vector<std::unique_ptr<SimulatedNode>> nodes_;
  std::map<std::string, config::FleetPool> pools_;
  std::map<std::string, Slot> slots_;  ///< by key, as etcd has them
  std::pair<std::uint64_t, std::int64_t> slots_as_of_{};
  std::multimap<Time, std::pair<SimulatedNode*, Action>>
      late_;  ///< writes that are still on the way
  std::optional<Violation> violation_;
  Counts counts_;
};

}  // namespace mayfly::coordinator
