// Preparing images and creating containers.
#include <algorithm>

#include "tests/simulation/describe.h"
#include "tests/simulation/runtime.h"

namespace mayfly::simulation {

void Runtime::prepare(Run run, const PrepareRevision& what) {
  Random& random = scene_.random;
  if (random.chance(scene_.faults.prepare_silent)) return;
  const bool unlucky = random.chance(scene_.faults.prepare_fails);
  const bool slow = random.chance(scene_.faults.prepare_slow);
  const Duration took = slow ? random.spread(1s, 600s) : random.spread(1ms, 1s);
  scene_.agenda.after(took, [this, run, what, unlucky] {
    const auto wanted = scene_.truth.wanted.find(what.pool);
    const bool bad = wanted != scene_.truth.wanted.end() &&
                     wanted->second.health[what.revision].prepare_fails_until > scene_.now();
    if (bad || unlucky || !scene_.truth.runtime_up) {
      scene_.report(run, RevisionFailed{what.pool, what.revision, "no such image"});
    } else {
      scene_.report(run, RevisionPrepared{what.pool, what.revision});
    }
  });
}

bool Runtime::starts_fail(const StartWorker& what) {
  const auto wanted = scene_.truth.wanted.find(what.pool);
  return wanted != scene_.truth.wanted.end() &&
         wanted->second.health[what.revision].starts_fail_until > scene_.now();
}

void Runtime::draw_course(Creation& creation) {
  Random& random = scene_.random;
  if (starts_fail(creation.what) || random.chance(scene_.faults.start_fails)) {
    creation.verdict = Verdict::kFailed;
    creation.starts = false;
  } else if (random.chance(scene_.faults.start_unsure)) {
    creation.verdict = Verdict::kUncertain;
    creation.starts = random.chance(0.6);
    creation.leaves_record = random.chance(0.5);
  }
  creation.silent = random.chance(scene_.faults.start_silent);
}

/// Some other load comes over the host, and goes again.
Duration Runtime::create_time() {
  Random& random = scene_.random;
  if (scene_.now() >= slow_until_ && random.chance(scene_.faults.start_slow)) {
    slow_until_ = scene_.now() + random.spread(1s, 20s);
  }
  return scene_.now() < slow_until_ ? 4 * scene_.plan.create_time : scene_.plan.create_time;
}

void Runtime::refuse_create(Run run, const StartWorker& what) {
  const bool sure = scene_.random.chance(0.5);
  scene_.agenda.after(scene_.random.between(100us, 50ms), [this, run, what, sure] {
    if (sure) {
      scene_.report(run, StartFailed{what.worker, "connection refused"});
    } else {
      scene_.report(run, StartUncertain{what.worker, "connection broke"});
    }
  });
}

void Runtime::create(Run run, const StartWorker& what) {
  Random& random = scene_.random;
  if (!scene_.truth.runtime_up) {
    refuse_create(run, what);
    return;
  }
  const std::uint64_t number = ++operations_;
  Creation& creation = creations_[number];
  creation.by = run;
  creation.what = what;
  draw_course(creation);
  const Duration typical = create_time();
  Duration recorded = random.between(1ms, 1ms + typical / 4);
  Duration running = recorded + random.between(typical / 4, typical);
  Duration answered = running + random.between(100us, 5ms);
  if (creation.verdict == Verdict::kUncertain && random.chance(0.5)) {
    answered = random.between(1ms, scene_.limits.start_deadline);
    running = random.spread(10ms, 90s);  // perhaps long after the answer
    if (random.chance(0.5)) recorded = running - 1ms;
  }
  scene_.agenda.after(recorded, [this, number] { make_record(number); });
  scene_.agenda.after(running, [this, number] { make_run(number); });
  scene_.agenda.after(answered, [this, number] { answer_create(number); });
}

/// Down: the operation breaks off where it is, or goes on when the runtime is back.
bool Runtime::holds_up(std::uint64_t number, void (Runtime::*stage)(std::uint64_t)) {
  if (scene_.truth.runtime_up) return false;
  if (scene_.random.chance(0.3)) {
    scene_.agenda.at(up_at_ + scene_.random.between(1ms, 2s),
                     [this, number, stage] { (this->*stage)(number); });
  } else {
    creations_[number].stopped = true;
  }
  return true;
}

void Runtime::make_record(std::uint64_t number) {
  const auto found = creations_.find(number);
  if (found == creations_.end() || found->second.stopped || found->second.recorded) return;
  if (holds_up(number, &Runtime::make_record)) return;
  found->second.recorded = true;
  const StartWorker& what = found->second.what;
  Container container;
  container.id = what.worker;
  container.pool = what.pool;
  container.revision = what.revision;
  Truth& truth = scene_.truth;
  truth.containers.emplace(what.worker, container);
  truth.containers_most = std::max(truth.containers_most, truth.containers.size());
  truth.fate(what.worker).gone = false;
}

void Runtime::make_run(std::uint64_t number) {
  const auto found = creations_.find(number);
  if (found == creations_.end() || found->second.stopped || found->second.finished) return;
  if (holds_up(number, &Runtime::make_run)) return;
  Creation& creation = found->second;
  creation.finished = true;
  const WorkerId worker = creation.what.worker;
  Container* container = scene_.truth.container(worker);
  if (container == nullptr || container->stage != Stage::kIncomplete) {
    creation.stopped = true;  // removed while it was being made
    return;
  }
  if (!creation.starts) {
    if (!creation.leaves_record) erase(worker);
    return;
  }
  container->stage = Stage::kHeld;
  scene_.note("    ", worker, " runs, held");
  if (creation.by == scene_.truth.run) {
    scene_.agenda.after(scene_.random.between(100us, 5ms),
                        [this, worker] { gates_.connect(worker); });
  }
  if (scene_.random.chance(scene_.faults.spare_dies)) {
    scene_.agenda.after(scene_.random.spread(1ms, 20s), [this, worker] {
      const Container* held = scene_.truth.container(worker);
      if (held != nullptr && held->stage == Stage::kHeld) processes_.end(worker, {1, 0});
    });
  }
}

void Runtime::answer_create(std::uint64_t number) {
  const auto found = creations_.find(number);
  if (found == creations_.end()) return;
  Creation& creation = found->second;
  const WorkerId worker = creation.what.worker;
  const bool sure = creation.finished && !creation.stopped && scene_.truth.runtime_up;
  const Verdict verdict = sure ? creation.verdict : Verdict::kUncertain;
  if (!creation.silent && creation.by == scene_.truth.run) {
    switch (verdict) {
      case Verdict::kStarted:
        processes_.watch(creation.by, worker);
        scene_.report(creation.by, WorkerStarted{worker});
        break;
      case Verdict::kFailed:
        scene_.report(creation.by, StartFailed{worker, "the shim says no"});
        break;
      case Verdict::kUncertain:
        scene_.report(creation.by, StartUncertain{worker, "deadline exceeded"});
        break;
    }
  }
  creation.silent = true;  // one answer
  if (creation.finished || creation.stopped) creations_.erase(found);
}

}  // namespace mayfly::simulation
