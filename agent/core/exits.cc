#include "agent/core/exits.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "agent/core/backoff.h"
#include "agent/core/slots.h"
#include "agent/core/spares.h"
#include "agent/core/words.h"

namespace mayfly::core {

namespace {

constexpr Duration kQueryDeadline = 10s;
constexpr Duration kQueryWaitFirst = 100ms;
constexpr Duration kQueryWaitMax = 5s;
constexpr std::size_t kQueriesInflightMax = 64;
constexpr std::size_t kRecordsInflightMax = 64;

// ---- the table ------------------------------------------------------------------------------

struct Exit {
  const Worker& worker;
  const PoolSettings& settings;  // later rows ask it: rules of the user, min_run
};

struct ExitRow {
  ExitClass exit_class;
  bool (*matches)(const Exit& exit);
};

bool exited_by_itself(const Worker& worker) {
  return worker.status.has_value() && worker.status->signal == 0;
}

bool never_ran(const Exit& exit) {
  const Worker& worker = exit.worker;
  if (!worker.slot) return true;
  // A failed hand-over that tells its own code (126, 127) is a failure of the worker's command.
  const bool handed_over = worker.fault.empty();
  return !handed_over && !(exited_by_itself(worker) && worker.status->code != 0);
}

constexpr std::array<ExitRow, 5> kExitTable{{
    {ExitClass::kOurs, [](const Exit& exit) { return exit.worker.stop_asked; }},
    {ExitClass::kNoStart, never_ran},
    {ExitClass::kDone,
     [](const Exit& exit) {
       return exited_by_itself(exit.worker) && exit.worker.status->code == 0;
     }},
    {ExitClass::kLost, [](const Exit& exit) { return !exited_by_itself(exit.worker); }},
    {ExitClass::kFail, [](const Exit&) { return true; }},
}};

// ---- what a class does to the slot ------------------------------------------------------------

std::string describe(const Worker& worker) {
  std::string text = "exit status unknown";
  if (worker.status && worker.status->signal != 0) {
    text = "killed by signal " + std::to_string(worker.status->signal);
  } else if (worker.status) {
    text = "exit code " + std::to_string(worker.status->code);
  }
  if (!worker.fault.empty()) text += ": " + worker.fault;
  return text;
}

void open_slot(Slot* slot) {
  if (slot == nullptr) return;
  slot->not_before = Time{};
  slot->losses = 0;
  slot->last_failure.clear();
}

void lose(Turn& turn, const Worker& worker, Slot* slot) {
  if (slot == nullptr) return;
  if (ran_long(pool_of(turn, worker), worker, turn.now)) slot->losses = 0;
  // Lost once may be the world's fault: its slot is tried again at once.
  if (++slot->losses == 1) return;
  back_off(turn, worker, describe(worker));
}

void apply(Turn& turn, const Worker& worker, ExitClass exit_class) {
  Pool& pool = pool_of(turn, worker);
  Slot* slot = find_slot(pool, worker);
  switch (exit_class) {
    case ExitClass::kOurs:
      return;
    case ExitClass::kDone:
      clear_failures(pool);
      return open_slot(slot);
    case ExitClass::kNoStart:
      if (worker.slot) return back_off(turn, worker, describe(worker));
      return start_failed(turn, worker, describe(worker));
    case ExitClass::kLost:
      return lose(turn, worker, slot);
    case ExitClass::kFail:
      if (slot != nullptr) slot->losses = 0;
      return back_off(turn, worker, describe(worker));
  }
}

ExitRecord record_of(const Worker& worker) {
  return {.worker = worker.id,
          .pool = worker.pool,
          .revision = worker.revision,
          .slot = worker.slot,
          .exit_class = worker.exit_class.value(),
          .status = worker.status,
          .reason = worker.stop_asked ? worker.stop_reason : worker.fault,
          .start_asked = worker.start_asked,
          .ready = worker.ready,
          .released = worker.released,
          .running = worker.running,
          .exited = worker.exited,
          .respawn_gap = worker.respawn_gap};
}

bool is_failure(ExitClass exit_class) {
  switch (exit_class) {
    case ExitClass::kOurs:
    case ExitClass::kDone:
      return false;
    case ExitClass::kNoStart:
    case ExitClass::kLost:
    case ExitClass::kFail:
      return true;
  }
  return true;
}

/// How many operations of a phase are out; those whose deadline passed are not, any more.
std::size_t count_out(Turn& turn, WorkerPhase phase) {
  const std::set<WorkerId>& index = index_of(turn, phase);
  return static_cast<std::size_t>(std::count_if(index.begin(), index.end(), [&](WorkerId id) {
    const Time deadline = turn.model.workers.at(id).deadline;
    return deadline != kNever && deadline > turn.now;
  }));
}

void query(Turn& turn, Worker& worker) {
  ++worker.tries;
  worker.deadline = after(turn.now, kQueryDeadline);
  worker.due = after(turn.now, doubled(kQueryWaitFirst, worker.tries, kQueryWaitMax));
  act(turn, QueryExit{worker.id});
}

}  // namespace

void ended(Turn& turn, Worker& worker, std::optional<Time> at) {
  worker.exited = at;
  if (!worker.slot && worker.stop_asked) return dismiss(turn, worker, worker.stop_reason);
  enter(turn, worker, WorkerPhase::kExited);
  vacate(turn, worker);
  tell(turn, worker, at ? words::kExited : words::kLost, worker.fault);
}

void settle_status(Worker& worker, std::optional<ExitStatus> status) {
  worker.status = status;
  worker.status_settled = true;
}

ExitClass classify(const Worker& worker, const PoolSettings& settings) {
  const Exit exit{worker, settings};
  const auto row = std::find_if(kExitTable.begin(), kExitTable.end(),
                                [&](const ExitRow& each) { return each.matches(exit); });
  return row->exit_class;  // the last row matches everything
}

void classify_exits(Turn& turn, ExitPass pass) {
  for (const WorkerId id : in_phase(turn, WorkerPhase::kExited)) {
    Worker& worker = turn.model.workers.at(id);
    if (!worker.status_settled) continue;
    Pool& pool = pool_of(turn, worker);
    const ExitClass exit_class = classify(worker, pool.settings);
    if (pass == ExitPass::kBeforeReleases && is_failure(exit_class)) continue;
    worker.exit_class = exit_class;
    ++pool.counters.exits[exit_class];
    enter(turn, worker, WorkerPhase::kRecording);
    tell(turn, worker, words::kClassified, describe(worker));
    apply(turn, worker, exit_class);
  }
}

void ask_exits(Turn& turn) {
  if (index_of(turn, WorkerPhase::kExited).empty()) return;
  std::size_t out = count_out(turn, WorkerPhase::kExited);
  for (const WorkerId id : in_phase(turn, WorkerPhase::kExited)) {
    Worker& worker = turn.model.workers.at(id);
    const Time next = worker.deadline == kNever ? worker.due : worker.deadline;
    if (next > turn.now) {
      wake(turn, next);
    } else if (out < kQueriesInflightMax) {
      query(turn, worker);
      wake(turn, worker.deadline);
      ++out;
    }
  }
}

void record_exits(Turn& turn) {
  if (index_of(turn, WorkerPhase::kRecording).empty()) return;
  std::size_t out = count_out(turn, WorkerPhase::kRecording);
  for (const WorkerId id : in_phase(turn, WorkerPhase::kRecording)) {
    Worker& worker = turn.model.workers.at(id);
    const bool is_out = worker.deadline != kNever && worker.deadline > turn.now;
    if (!is_out && out < kRecordsInflightMax) {
      worker.deadline = after(turn.now, turn.model.limits.record_deadline);
      act(turn, RecordExit{record_of(worker)});
      ++out;
    }
    if (worker.deadline > turn.now) wake(turn, worker.deadline);
  }
}

}  // namespace mayfly::core
