// The simulated container runtime. Each operation takes effect at some times and is answered at
// another, or never; the runtime goes down and comes back while the containers live on.
#pragma once

#include <map>

#include "tests/simulation/gates.h"

namespace mayfly::simulation {

class Runtime {
 public:
  Runtime(Scene& scene, Processes& processes, Gates& gates)
      : scene_(scene), processes_(processes), gates_(gates) {}

  void prepare(Run run, const PrepareRevision& what);
  void create(Run run, const StartWorker& what);
  void remove(Run run, WorkerId worker);
  void list(Run run, InventoryNumber number);
  void query(Run run, WorkerId worker);

  /// Outages come from now on, as planned.
  void plan_outages();
  void agent_died(Run run);
  /// A new run connects.
  void greet(Run run);
  /// The faults are over: up again, and what hangs is decided within a second.
  void heal();

 private:
  enum class Verdict : std::uint8_t { kStarted, kFailed, kUncertain };
  struct Creation {
    Run by = 0;
    StartWorker what;
    Verdict verdict = Verdict::kStarted;
    bool leaves_record = false;  ///< where it does not start
    bool starts = true;
    bool silent = false;
    bool stopped = false;  ///< nothing more of it takes effect
    bool recorded = false;
    bool finished = false;  ///< its effects are all there
  };

  void draw_course(Creation& creation);
  [[nodiscard]] Duration create_time();
  [[nodiscard]] bool starts_fail(const StartWorker& what);
  [[nodiscard]] bool holds_up(std::uint64_t number, void (Runtime::*stage)(std::uint64_t));
  void make_record(std::uint64_t number);
  void make_run(std::uint64_t number);
  void answer_create(std::uint64_t number);
  void refuse_create(Run run, const StartWorker& what);

  void erase(WorkerId worker);
  void erase_when_ended(WorkerId worker, int tries);
  void answer_remove(Run run, WorkerId worker, bool sure);

  void snapshot(Run run, InventoryNumber number, Duration answer_after);
  void answer_list(Run run, InventoryNumber number, std::vector<Container> containers);
  void answer_query(Run run, WorkerId worker);

  void go_down();
  void come_up();
  void lose_containers();

  Scene& scene_;
  Processes& processes_;
  Gates& gates_;
  std::uint64_t operations_ = 0;
  std::map<std::uint64_t, Creation> creations_;
  Time up_at_{};
  Time slow_until_{};  ///< starts take long until then
};

}  // namespace mayfly::simulation
