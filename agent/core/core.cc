#include "agent/core/core.h"

#include <algorithm>
#include <utility>

#include "agent/core/check.h"
#include "agent/core/drain.h"
#include "agent/core/exits.h"
#include "agent/core/intake.h"
#include "agent/core/inventory.h"
#include "agent/core/node.h"
#include "agent/core/removals.h"
#include "agent/core/revisions.h"
#include "agent/core/shutdown.h"
#include "agent/core/slots.h"
#include "agent/core/spares.h"
#include "agent/core/stops.h"
#include "agent/core/supply.h"
#include "agent/core/turn.h"

namespace mayfly::core {

namespace {

Decision decide(Turn&& turn) {
  Decision decision = std::move(turn.decision);
  // Deadlines of zero, if someone sets them, must not make the loop spin within one instant.
  decision.wake_at = std::max(decision.wake_at, after(turn.now, Duration(1)));
  return decision;
}

}  // namespace

Core::Core(Limits limits, WorkerId first_worker, std::uint64_t seed) {
  model_.limits = limits;
  memory_.next_worker = std::max<std::uint64_t>(raw(first_worker), 1);
  memory_.random_state = seed;
  memory_.bucket.tokens = limits.starts_burst;
}

Core::~Core() = default;

Decision Core::step(Time now, std::span<const Event> events) {
  const std::vector<ReleaseWorker> releases = begin_step(now, events);
  Decision decision = finish_step();
  decision.actions.insert(decision.actions.begin(), releases.begin(), releases.end());
  return decision;
}

std::vector<ReleaseWorker> Core::begin_step(Time now, std::span<const Event> events) {
  check(!turn_, "a turn is finished before the next begins");
  turn_ = std::make_unique<Turn>(Turn{.now = now, .model = model_, .memory = memory_});
  Turn& turn = *turn_;
  for (const Event& event : events) take_in(turn, event);
  pass_deadlines(turn);

  follow_revisions(turn);
  fit_slots(turn);
  withhold_slots(turn);
  classify_exits(turn, ExitPass::kBeforeReleases);
  fill_slots(turn);
  turn.released = turn.releases.size();
  return turn.releases;
}

Decision Core::finish_step() {
  check(turn_ != nullptr, "a turn begins before it is finished");
  Turn& turn = *turn_;
  classify_exits(turn, ExitPass::kAfterReleases);

  drain(turn);
  send_signals(turn);
  dismiss_spares(turn);
  start_workers(turn);
  prepare_revisions(turn);
  ask_exits(turn);
  record_exits(turn);
  remove_workers(turn);
  let_host_go(turn);
  ask_inventory(turn);
  end_pools(turn);
  follow_drain(turn);
  await_answers(turn);
  check(turn.releases.size() == turn.released, "the second half of a turn releases nobody");
  return decide(std::move(*std::exchange(turn_, nullptr)));
}

const Model& Core::model() const {
  return model_;
}

}  // namespace mayfly::core
