// The rules of actions, each judged just before it is carried out.
#include <algorithm>

#include "tests/simulation/audit.h"
#include "tests/simulation/describe.h"

namespace mayfly::simulation {

namespace {

constexpr std::uint32_t kStandbyAutoMax = 8;
constexpr Duration kKillTimeMax = 2s;  // for KILL and its record, before the host's wait ends

bool lives(const Fate& fate) {
  return fate.handed_over && !fate.ended;
}

}  // namespace

struct Audit::Rules {
  Audit& audit;
  Scene& scene;
  Run run;

  [[nodiscard]] const Known* known(const PoolName& pool) const {
    const auto found = audit.known_.find(pool);
    return found == audit.known_.end() ? nullptr : &found->second;
  }
  [[nodiscard]] Fate& fate(WorkerId worker) const { return scene.truth.fate(worker); }
  [[nodiscard]] Revision newest_released(const PoolName& pool) const {
    const auto found = audit.newest_released_.find(pool);
    return found == audit.newest_released_.end() ? kNoRevision : found->second;
  }

  void check_open(const char* what, WorkerId worker, const PoolName& pool) const;
  void check_start_limits(const StartWorker& a) const;
  void check_start_rate() const;
  void check_start_need(const StartWorker& a) const;
  [[nodiscard]] bool may_stop(WorkerId worker, const Fate& of) const;
  [[nodiscard]] std::uint32_t count_staying(WorkerId worker, const Fate& of) const;
  [[nodiscard]] bool surplus(WorkerId worker, const Fate& of) const;
  [[nodiscard]] bool drained(const Known& pool) const;
  void check_cordon(const ReleaseWorker& a, const Fate& of) const;
  [[nodiscard]] bool release_broken(const Fate& of) const;
  void check_busy(const char* what, WorkerId worker) const;
  void check_record_class(const ExitRecord& record, const Fate& of) const;
  void check_record_status(const ExitRecord& record, const Fate& of) const;

  void operator()(const PrepareRevision& a) const;
  void operator()(const StartWorker& a) const;
  void operator()(const ReleaseWorker& a) const;
  void operator()(const SignalWorker& a) const;
  void operator()(const QueryExit&) const {}
  void operator()(const RecordExit& a) const;
  void operator()(const RemoveWorker& a) const;
  void operator()(const TakeInventory& a) const;
  void operator()(const LetHostGo&) const;
};

void Audit::acting(const Action& action) {
  ++actions_;
  std::visit(Rules{*this, scene_, scene_.truth.run}, action);
}

// ---- images and starts -----------------------------------------------------------------------

void Audit::Rules::operator()(const PrepareRevision& a) const {
  const Known* pool = known(a.pool);
  if (pool == nullptr || pool->dropped) {
    scene.violate("I8", "an image is prepared for ", a.pool, ", which nobody wants");
  } else if (audit.shutdown_) {
    scene.violate("HOST", "an image is prepared for ", a.pool, " while the host goes down");
  } else if (audit.node_.scheduling == Scheduling::kDrained) {
    scene.violate("NODE", "an image is prepared for ", a.pool, " on a drained node");
  } else if (a.revision != pool->settings.revision) {
    scene.violate("I9", a.pool, ' ', a.revision, " is prepared, but ", pool->settings.revision,
                  " is desired");
  }
}

void Audit::Rules::check_open(const char* what, WorkerId worker, const PoolName& name) const {
  const Known* pool = known(name);
  if (audit.adoption_ == Adoption::kNone) {
    scene.violate("I5", what, worker, " before the first inventory");
  } else if (pool == nullptr || pool->dropped) {
    scene.violate("I5", what, worker, " for ", name, ", which is dropped");
  } else if (pool->settings.paused) {
    scene.violate("I5", what, worker, " for ", name, ", which is paused");
  } else if (audit.shutdown_) {
    scene.violate("HOST", what, worker, " while the host goes down");
  } else if (audit.node_.scheduling == Scheduling::kDrained) {
    scene.violate("NODE", what, worker, " on a drained node");
  }
}

std::uint32_t Audit::starts_inflight() const {
  const Run run = scene_.truth.run;
  const Time forgotten = scene_.now() - limits_.start_deadline;
  std::uint32_t inflight = 0;
  for (const auto& [worker, of] : scene_.truth.fates) {
    if (of.start_by == run && of.heard_of_in != run && of.start_at > forgotten) ++inflight;
  }
  return inflight;
}

void Audit::Rules::check_start_limits(const StartWorker& a) const {
  const std::uint32_t inflight = audit.starts_inflight();
  if (inflight >= audit.limits_.starts_inflight_max) {
    scene.violate("I8", "start of ", a.worker, " beside ", inflight, " in flight, the limit is ",
                  audit.limits_.starts_inflight_max);
  }
}

void Audit::Rules::check_start_rate() const {
  const double rate = audit.limits_.starts_rate;
  const Duration since = scene.now() - audit.start_tokens_at_;
  audit.start_tokens_at_ = scene.now();
  audit.start_tokens_ =
      std::min(audit.start_tokens_ + rate * std::chrono::duration<double>(since).count(),
               static_cast<double>(audit.limits_.starts_burst));
  if (rate <= 0) return;
  audit.start_tokens_ -= 1;
  if (audit.start_tokens_ < -0.001) scene.violate("I8", "starts exceed the rate of ", rate, "/s");
}

/// No more containers than slots to fill and spares to hold; an uncertain start counts as one.
void Audit::Rules::check_start_need(const StartWorker& a) const {
  const Known* pool = known(a.pool);
  if (pool == nullptr) return;
  std::uint32_t live = 0;
  std::uint32_t held = 0;
  std::ostringstream who;
  for (const auto& [worker, of] : scene.truth.fates) {
    if (of.pool != a.pool || of.ended || of.gone) continue;
    if (of.handed_over && of.stop_by == 0) ++live;
    const bool kept = of.start_by == run && of.ended_in != run && of.dismissed_in != run &&
                      of.stop_wanted != run && of.record_by != run;
    if (!kept || of.handed_over || of.revision != a.revision || of.release_by == run) continue;
    ++held;
    who << ' ' << worker;
  }
  const std::uint32_t replicas = slots_kept(audit.node_, a.pool, pool->settings.replicas);
  if (replicas == 0 && pool->settings.replicas > 0) {
    scene.violate("NODE", "start of ", a.worker, " for ", a.pool, ", which is given no slot");
  }
  const std::uint32_t empty = replicas > live ? replicas - live : 0;
  // One more while an old spare is being replaced.
  const std::uint32_t aged = pool->settings.spare_age_max < 1h ? 1 : 0;
  const std::uint32_t standby = pool->settings.standby.value_or(kStandbyAutoMax) + aged;
  if (held + 1 > empty + standby) {
    scene.violate("I1", "start of ", a.worker, " for ", a.pool, ": ", held,
                  " containers wait or come already:", who.str(), ", for ", empty,
                  " empty slots and ", standby, " spares");
  }
}

void Audit::Rules::operator()(const StartWorker& a) const {
  check_open("start of ", a.worker, a.pool);
  if (a.worker < audit.first_ || scene.truth.fates.contains(a.worker)) {
    scene.violate("I4", "the id ", a.worker, " is not new");
  }
  // An older one that earlier runs used goes on until the desired one is there.
  const Known* pool = known(a.pool);
  const bool older = pool != nullptr && a.revision < pool->settings.revision;
  const auto& prepared = older ? audit.ever_prepared_ : audit.prepared_;
  if (!prepared.contains({a.pool, a.revision})) {
    scene.violate("I5", "start of ", a.worker, " of ", a.revision, ", whose image is not prepared");
  }
  if (a.revision < newest_released(a.pool)) {
    scene.violate("I9", "start of ", a.worker, " of ", a.revision, " after the release of ",
                  newest_released(a.pool));
  }
  check_start_limits(a);
  check_start_rate();
  check_start_need(a);
  Fate& of = fate(a.worker);
  of.pool = a.pool;
  of.revision = a.revision;
  of.start_by = run;
  of.start_at = scene.now();
}

// ---- releases --------------------------------------------------------------------------------

void Audit::Rules::operator()(const ReleaseWorker& a) const {
  Fate& of = fate(a.worker);
  check_open("release of ", a.worker, of.pool);
  if (of.revision < newest_released(of.pool)) {
    scene.violate("I5", "release of ", a.worker, " of ", of.revision, " after the release of ",
                  newest_released(of.pool));
  }
  const bool ready = of.ready_in == run || of.unready_step == audit.batches_;
  if (!ready) scene.violate("I5", "release of ", a.worker, ", whose gate is not ready");
  if (of.running_in == run) scene.violate("I5", "release of ", a.worker, ", which runs");
  if (of.stop_by == run) scene.violate("I5", "release of ", a.worker, ", which is being stopped");
  for (const auto& [worker, container] : scene.truth.containers) {
    const Fate& other = scene.truth.fates.at(worker);
    if (worker != a.worker && other.pool == of.pool && lives(other) && other.slot == a.slot) {
      scene.violate("I1", "release of ", a.worker, " to slot ", a.slot, ", where ", worker,
                    " still lives");
    }
  }
  check_cordon(a, of);
  const Known* pool = known(of.pool);
  Revision& newest = audit.newest_released_[of.pool];
  newest = std::max(newest, of.revision);
  of.replicas_since_release = pool == nullptr ? 0 : pool->settings.replicas;
  of.release_by = run;
  of.release_at = scene.now();
  of.failed_in = 0;
}

/// Beside those that surely stay, no more than the cordon leaves.
void Audit::Rules::check_cordon(const ReleaseWorker& a, const Fate& of) const {
  const Known* pool = known(of.pool);
  if (audit.node_.scheduling != Scheduling::kCordoned || pool == nullptr) return;
  std::uint32_t staying = 0;
  for (const auto& [worker, other] : scene.truth.fates) {
    const bool stays = lives(other) && other.stop_by == 0 && other.stop_wanted == 0;
    if (worker != a.worker && other.pool == of.pool && stays) ++staying;
  }
  const std::uint32_t kept = slots_kept(audit.node_, of.pool, pool->settings.replicas);
  if (staying + 1 > kept) {
    scene.violate("NODE", "release of ", a.worker, " beside ", staying, " workers of ", of.pool,
                  " on a cordoned node, which keeps ", kept);
  }
}

// ---- stops -----------------------------------------------------------------------------------

/// The pool has more workers than replicas, by all that the core can know, or had in the midst of
/// the batch of events that it takes in.
bool Audit::Rules::surplus(WorkerId worker, const Fate& of) const {
  const Known* pool = known(of.pool);
  if (!pool->stops_surplus) return false;
  return count_staying(worker, of) > std::min(pool->settings.replicas, pool->replicas_before);
}

std::uint32_t Audit::Rules::count_staying(WorkerId worker, const Fate& of) const {
  std::uint32_t count = 1;
  for (const auto& [id, other] : scene.truth.fates) {
    if (id == worker || other.pool != of.pool) continue;
    // One that is retired by a later event of the batch counted when the surplus was judged.
    const bool just_retired = other.stop_step == audit.batches_ && other.stop_wanted == run;
    if (other.stop_by == run && !just_retired) continue;
    const Container* there = scene.truth.container(id);
    // The list that told of it may be older than its end.
    const bool believed = other.vanished_in == run || other.perhaps_listed_in == run;
    const bool taken =
        there != nullptr ? other.handed_over || there->marker : other.vanished && believed;
    const bool ended = other.ended_in == run && other.ended_step != audit.batches_;
    if (taken && !ended) ++count;
  }
  return count;
}

/// It was released and, by all that the core can know, nothing runs.
bool Audit::Rules::release_broken(const Fate& of) const {
  if (of.failed_in == run) return true;
  return of.release_by == run && of.running_in != run &&
         scene.now() >= of.release_at + audit.limits_.release_deadline;
}

/// The drain of the node has come to its deadline; or the host goes down, and the pool's workers
/// have had their time to end by themselves, or the host waits for hardly longer than their grace.
bool Audit::Rules::drained(const Known& pool) const {
  const NodeSettings& node = audit.node_;
  if (node.scheduling == Scheduling::kDrained && scene.now() >= node.drain_until) return true;
  if (!audit.shutdown_) return false;
  return scene.now() >= audit.shutdown_->began + audit.limits_.shutdown_drain ||
         scene.now() + pool.settings.stop_grace + kKillTimeMax >= audit.shutdown_->until;
}

bool Audit::Rules::may_stop(WorkerId worker, const Fate& of) const {
  const Known* pool = known(of.pool);
  if (of.stop_wanted != 0 || of.stop_by == run || of.ended_in == run) return true;
  if (pool == nullptr || pool->dropped) return true;
  return release_broken(of) || surplus(worker, of) || drained(*pool);
}

void Audit::Rules::check_busy(const char* what, WorkerId worker) const {
  Fate& of = fate(worker);
  if (lives(of) && !may_stop(worker, of)) {
    scene.violate("BUSY", what, " for ", worker, ", which runs in slot ", of.slot, " of ", of.pool,
                  " and should, as one of ", count_staying(worker, of));
  }
  if (of.stop_by != run) of.stop_step = audit.batches_;
  of.stop_by = run;
}

void Audit::Rules::operator()(const SignalWorker& a) const {
  check_busy("a signal", a.worker);
}

void Audit::Rules::operator()(const RemoveWorker& a) const {
  check_busy("a removal", a.worker);
  Fate& of = fate(a.worker);
  of.remove_by = run;
  if (of.handed_over && !of.record && !of.vanished) {
    scene.violate("I4", "removal of ", a.worker, " before its exit is recorded");
  }
}

// ---- evidence --------------------------------------------------------------------------------

void Audit::Rules::check_record_status(const ExitRecord& record, const Fate& of) const {
  const bool told = of.status_in == run;
  if (!record.status) {
    if (of.certain_in == run && of.record_by != run) {
      scene.violate("I4", "the status of ", record.worker,
                    " was told, but its record says unknown");
    }
    return;
  }
  const bool claimed = told && std::find(of.statuses.begin(), of.statuses.end(), *record.status) !=
                                   of.statuses.end();
  if (!claimed) {
    scene.violate("I4", "the record of ", record.worker, " says ", record.status,
                  ", which nobody told");
  }
}

void Audit::Rules::check_record_class(const ExitRecord& record, const Fate& of) const {
  const bool stopped = of.stop_by == run || of.stop_wanted == run || of.stop_meant_in == run;
  bool fits = false;
  switch (record.exit_class) {
    case ExitClass::kOurs:
      fits = stopped || !of.handed_over;
      break;
    case ExitClass::kNoStart:
      fits = of.running_in != run;
      break;
    case ExitClass::kDone:
      fits = record.status == ExitStatus{0, 0};
      break;
    case ExitClass::kLost:
      fits = !record.status || record.status->signal != 0;
      break;
    case ExitClass::kFail:
      fits = record.status && record.status->signal == 0 && record.status->code != 0;
      break;
  }
  if (of.handed_over && of.signalled && of.stop_by == run && of.running_in == run) {
    fits = record.exit_class == ExitClass::kOurs;
  }
  if (!fits) {
    scene.violate("I4", "the record of ", record.worker, " calls it ", name(record.exit_class),
                  " with ", record.status);
  }
}

void Audit::Rules::operator()(const RecordExit& a) const {
  const ExitRecord& record = a.record;
  Fate& of = fate(record.worker);
  if (lives(of)) scene.violate("I4", "an exit of ", record.worker, " is recorded, but it lives");
  if (of.recorded_in == run) {
    scene.violate("I4", "the exit of ", record.worker, " is recorded once more");
  }
  if (of.record_by == run && of.asked_record != record) {
    scene.violate("I4", "the record of ", record.worker, " changed between two writes");
  }
  if (of.handed_over && record.slot != of.slot) {
    scene.violate("I4", "the record of ", record.worker, " names another slot than ", of.slot);
  }
  if (record.pool != of.pool) scene.violate("I4", record.worker, " is not of ", record.pool);
  check_record_status(record, of);
  if (of.record_by != run) check_record_class(record, of);
  of.asked_record = record;
  of.record_by = run;
}

// ---- lists -----------------------------------------------------------------------------------

void Audit::Rules::operator()(const TakeInventory& a) const {
  if (a.number <= audit.last_list_) scene.violate("I8", "the numbers of inventories do not rise");
  audit.last_list_ = a.number;
  for (const auto& [number, asked] : audit.lists_) {
    if (asked + audit.limits_.inventory_deadline > scene.now()) {
      scene.violate("I8", "two inventories in flight");
    }
  }
  audit.lists_[a.number] = scene.now();
}

// ---- the host --------------------------------------------------------------------------------

void Audit::Rules::operator()(const LetHostGo&) const {
  if (!audit.shutdown_) return scene.violate("HOST", "a host is let go that stays up");
  if (std::exchange(audit.shutdown_->let_go, true)) {
    return scene.violate("HOST", "the host is let go once more");
  }
  const bool waits = scene.now() < audit.shutdown_->until;
  if (!waits && !is_obeyed_at_once(scene.plan)) return;
  for (const auto& [worker, of] : scene.truth.fates) {
    if (lives(of)) scene.violate("HOST", "the host is let go, but ", worker, " lives");
  }
}

}  // namespace mayfly::simulation
