// What the core has been told, worker by worker.
#include "agent/core/words.h"
#include "tests/simulation/audit.h"

namespace mayfly::simulation {

struct Audit::Ledger {
  Audit& audit;
  Run run;

  [[nodiscard]] Fate* fate(WorkerId worker) const {
    const auto found = audit.scene_.truth.fates.find(worker);
    return found == audit.scene_.truth.fates.end() ? nullptr : &found->second;
  }
  void heard_of(WorkerId worker) const {
    Fate* of = fate(worker);
    if (of == nullptr) return;
    if (of->heard_of_in != run) of->heard_at = audit.scene_.now();
    of->heard_of_in = run;
  }
  /// An event about a worker that this run has neither started nor listed changes nothing.
  [[nodiscard]] bool known(const Fate* of) const {
    return of != nullptr && (of->start_by == run || of->listed_in == run);
  }
  void ended(WorkerId worker) const {
    Fate* of = fate(worker);
    if (!known(of)) return;
    if (of->ended_in != run) of->ended_step = audit.batches_;
    heard_of(worker);
    of->ended_in = run;
  }
  void status(WorkerId worker, const std::optional<ExitStatus>& status) const {
    Fate* of = fate(worker);
    if (of == nullptr || !status) return;
    if (of->status_in != run) of->statuses.clear();
    of->status_in = run;
    of->statuses.push_back(*status);
  }
  void certain_status(WorkerId worker, const std::optional<ExitStatus>& told) const {
    status(worker, told);
    Fate* of = fate(worker);
    if (known(of) && told) of->certain_in = run;
  }

  void operator()(const PoolDesired& e) const {
    Known& known = audit.known_[e.settings.name];
    known.settings = e.settings;
    known.dropped = false;
    known.replicas_before = std::min(known.replicas_before, e.settings.replicas);
    known.stops_surplus |= e.settings.surplus == Surplus::kStopped;
    std::uint32_t& most = audit.replicas_most_[e.settings.name];
    most = std::max(most, e.settings.replicas);
    for (auto& [worker, of] : audit.scene_.truth.fates) {
      if (of.pool != e.settings.name || of.release_by != run || of.handed_over) continue;
      of.replicas_since_release = std::max(of.replicas_since_release, e.settings.replicas);
    }
  }
  void operator()(const PoolDropped& e) const {
    audit.known_[e.pool].dropped = true;
    for (auto& [worker, of] : audit.scene_.truth.fates) {
      if (of.pool == e.pool && of.start_by == run && !of.handed_over) of.dismissed_in = run;
    }
  }
  void operator()(const RetireAsked& e) const {
    if (Fate* of = fate(e.worker)) of->stop_wanted = run;
  }
  void operator()(const KillAsked& e) const {
    if (Fate* of = fate(e.worker)) of->stop_wanted = run;
  }
  void operator()(const ResetAsked&) const {}
  void operator()(const LimitsChanged& e) const { audit.limits_ = e.limits; }
  void operator()(const NodeDesired& e) const {
    audit.node_ = e.settings;
    if (e.settings.scheduling == Scheduling::kDrained) give_up_unreleased();
  }
  void give_up_unreleased() const {
    for (auto& [worker, of] : audit.scene_.truth.fates) {
      if (of.start_by == run && !of.handed_over) of.dismissed_in = run;
    }
  }
  void operator()(const HostShutdownBegan& e) const {
    std::optional<Shutdown>& shutdown = audit.shutdown_;
    if (!shutdown) shutdown = Shutdown{.began = audit.scene_.now()};
    shutdown->until = e.until;
    give_up_unreleased();
  }
  void operator()(const HostShutdownCancelled&) const { audit.shutdown_.reset(); }
  void operator()(const RevisionPrepared& e) const {
    audit.prepared_.emplace(e.pool, e.revision);
    audit.ever_prepared_.emplace(e.pool, e.revision);
    audit.preparing_.erase(e.pool);
  }
  void operator()(const RevisionFailed& e) const { audit.preparing_.erase(e.pool); }
  void operator()(const WorkerStarted& e) const { heard_of(e.worker); }
  void operator()(const StartFailed& e) const { ended(e.worker); }
  void operator()(const StartUncertain& e) const { heard_of(e.worker); }
  void operator()(const GateReady& e) const {
    heard_of(e.worker);
    if (Fate* of = fate(e.worker)) of->ready_in = run;
  }
  void operator()(const GateLost& e) const {
    Fate* of = fate(e.worker);
    if (of == nullptr) return;
    if (of->ready_in == run) of->unready_step = audit.batches_;
    of->ready_in = 0;
    if (of->release_by == run) of->failed_in = run;
  }
  void operator()(const WorkerRunning& e) const {
    heard_of(e.worker);
    if (Fate* of = fate(e.worker)) of->running_in = run;
  }
  void operator()(const ReleaseFailed& e) const {
    if (Fate* of = fate(e.worker)) of->failed_in = run;
  }
  void operator()(const WorkerExited& e) const {
    ended(e.worker);
    certain_status(e.worker, e.status);
  }
  void operator()(const ExitStatusKnown& e) const {
    ended(e.worker);
    certain_status(e.worker, e.status);
  }
  void operator()(const ExitStatusUncertain&) const {}
  void operator()(const ExitRecorded& e) const {
    if (Fate* of = fate(e.worker)) of->recorded_in = run;
  }
  void operator()(const WorkerRemoved& e) const { ended(e.worker); }
  void operator()(const RemoveFailed&) const {}
  /// `asked`: when the list was asked for, if it counts.
  void listed(const ObservedWorker& observed, std::optional<Time> asked) const {
    heard_of(observed.worker);
    status(observed.worker, observed.status);
    Fate* of = fate(observed.worker);
    if (of == nullptr || !asked) return;
    of->listed_in = run;
    // It does not count for a worker whose start was answered after it was asked for; and an
    // incomplete one may be a list's view of a container still in the making.
    const bool early = of->start_by == run && *asked < of->heard_at;
    if (!early && observed.state == ContainerState::kStopped) ended(observed.worker);
  }
  void operator()(const InventoryTaken& e) const {
    // One that comes too late, or is not the last that was asked for, counts for nothing.
    const auto found = audit.lists_.find(e.number);
    const bool may_count = found != audit.lists_.end() && e.number == audit.last_list_;
    std::optional<Time> asked;
    if (may_count) asked = found->second;
    if (asked && *asked + audit.limits_.inventory_deadline <= audit.scene_.now()) asked.reset();
    if (may_count && audit.adoption_ != Adoption::kSure) audit.learn_releases(e);
    if (may_count && audit.adoption_ == Adoption::kNone) audit.adoption_ = Adoption::kPerhaps;
    if (asked) audit.adoption_ = Adoption::kSure;
    audit.lists_.erase(e.number);
    for (const ObservedWorker& observed : e.workers) {
      listed(observed, asked);
      if (Fate* of = fate(observed.worker); of != nullptr && may_count) of->perhaps_listed_in = run;
    }
  }
  void operator()(const InventoryFailed& e) const { audit.lists_.erase(e.number); }
  void operator()(const RuntimeLost&) const {}
  // What was asked of the runtime before may count or not, and may never be answered.
  void operator()(const RuntimeFound&) const {
    for (auto& [number, asked] : audit.lists_) asked = Time::min();
  }
  void operator()(const RuntimeHinted&) const {}
};

void Audit::begin_run(WorkerId first) {
  first_ = first;
  adoption_ = Adoption::kNone;
  known_.clear();
  prepared_.clear();
  active_.clear();
  limits_ = scene_.limits;
  start_tokens_ = limits_.starts_burst;
  start_tokens_at_ = scene_.now();
  lists_.clear();
  last_list_ = InventoryNumber{};
  preparing_.clear();
  shutdown_.reset();
  node_ = {};
}

/// What earlier runs released is known as far as anything of it is left.
void Audit::learn_releases(const InventoryTaken& first) {
  newest_released_.clear();
  for (const ObservedWorker& observed : first.workers) {
    if (!observed.released_to) continue;
    Revision& newest = newest_released_[observed.pool];
    newest = std::max(newest, observed.revision);
  }
}

void Audit::told(const std::vector<Event>& events) {
  ++batches_;
  for (auto& [pool, known] : known_) {
    known.replicas_before = known.settings.replicas;
    known.stops_surplus = known.settings.surplus == Surplus::kStopped;
  }
  const Ledger ledger{*this, scene_.truth.run};
  for (const Event& event : events) std::visit(ledger, event);
}

/// What it says that it gives up is no longer owed a use; that it goes is another rule's concern.
void Audit::decided(const Decision& decision) {
  for (const Transition& transition : decision.transitions) {
    if (!transition.worker) continue;
    const auto found = scene_.truth.fates.find(*transition.worker);
    if (found == scene_.truth.fates.end()) continue;
    const bool given_up = transition.what == words::kDismissed || transition.what == words::kLost;
    if (given_up) found->second.dismissed_in = scene_.truth.run;
    if (transition.what == words::kStopping) found->second.stop_meant_in = scene_.truth.run;
  }
}

}  // namespace mayfly::simulation
