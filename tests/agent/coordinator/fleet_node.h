// A node of the simulated fleet: the real core with all that lives on the node (tests/simulation),
// what is on its disk, the daemon's side of its session while the daemon is up, and its line to
// etcd, which may be cut.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tests/agent/coordinator/fake_etcd.h"
#include "tests/agent/coordinator/fleet_agent.h"

namespace mayfly::coordinator {

class SimulatedNode final : public simulation::Observer {
 public:
  struct Options {
    std::string name = {};
    std::string instance = {};
    std::string zone = {};
    std::uint32_t shrink_max_percent = 50;
    std::uint64_t seed = 0;
    Time start{};
    simulation::Trace::Detail detail = simulation::Trace::Detail::kSilent;
  };
  struct Watching {
    etcd::Range range;
    std::int64_t from = 0;
    std::uint64_t life = 0;  ///< of the etcd
  };

  explicit SimulatedNode(const Options& options);

  // ---- time
  /// The next time at which something happens on it.
  [[nodiscard]] Time due() const;
  /// All that happens on it until then.
  void advance(Time now);
  /// REQUIRES: is_up().
  [[nodiscard]] FleetAgent::Stepped step(Time now, std::vector<Event> events);

  // ---- what befalls it
  void start();
  void crash();
  /// For ever, and its workers with it.
  void leave();
  void order(const core::NodeSettings& settings);
  /// No faults of its own from now on.
  void heal();
  /// And again those that it was made with.
  void ail();
  /// No worker ends by itself any more.
  void come_to_rest() { machine_.scene.truth.phase = simulation::Phase::kQuiet; }
  /// Its pools are not to be short of workers from the first time on, and are not now.
  void look_for_fullness();
  /// Long ago enough that nobody asks: lest the ledger of a day be searched at each start.
  void forget_the_dead();

  // ---- how it is
  [[nodiscard]] bool is_up() const { return agent_ != nullptr; }
  [[nodiscard]] bool has_left() const { return has_left_; }
  /// The session can take its turns.
  [[nodiscard]] bool is_awake(Time now) const;
  /// REQUIRES: is_up().
  [[nodiscard]] const Session& session() const { return agent_->session(); }
  /// REQUIRES: is_up().
  [[nodiscard]] bool keeps_its_slots() const { return agent_->keeps_its_slots(); }
  [[nodiscard]] core::Scheduling scheduling() const;
  [[nodiscard]] bool is_selected_by(const SharedPool& shared) const;
  /// The workers that live, by what is really there.
  [[nodiscard]] std::uint32_t lives(const std::string& pool) const;
  [[nodiscard]] simulation::Node& machine() { return machine_; }
  [[nodiscard]] const Options& options() const { return options_; }
  [[nodiscard]] const std::string& name() const { return options_.name; }
  [[nodiscard]] const std::string& instance() const { return options_.instance; }

  // ---- what has happened since these were last looked at
  std::set<std::string> begun;       ///< pools of which a worker has begun its life
  std::vector<std::string> stopped;  ///< workers that were told to stop and should not be

  // ---- its line to etcd
  std::multimap<Time, Event> coming;
  std::map<std::uint64_t, Watching> watches;
  Time wake_at{};  ///< of the session
  Time cut_until{};
  Time deaf_until{};
  std::int64_t fed_at = 0;             ///< the revision up to which the watches have been
  Time heard_at{};                     ///< the last time that etcd said something
  Time in_touch_since = core::kNever;  ///< all the time since then, it could know what etcd knows
  Time unanswered_until{};             ///< the answer is lost: it asks again then
  Slots kept;                          ///< what the session runs, or ran when it was last up

 private:
  void handed_over(simulation::WorkerId worker) override;
  void gone(simulation::WorkerId worker) override { machine_.audit.gone(worker); }
  void recorded(const core::ExitRecord& record) override { machine_.audit.recorded(record); }
  void signalled(simulation::WorkerId worker) override;
  void follow_run();
  [[nodiscard]] FleetAgent::Parts parts() { return {machine_, disk_, config_}; }

  Options options_;
  config::Daemon config_;
  simulation::Node machine_;
  Disk disk_;
  simulation::Run run_ = 0;            ///< that agent_ is of
  std::unique_ptr<FleetAgent> agent_;  ///< none: the daemon is down
  std::set<simulation::WorkerId> signalled_;
  bool has_left_ = false;
  bool is_to_be_full_ = false;
};

}  // namespace mayfly::coordinator
