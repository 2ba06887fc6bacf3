#include "agent/core/core.h"

#include <algorithm>
#include <utility>

#include "agent/core/exits.h"
#include "agent/core/intake.h"
#include "agent/core/inventory.h"
#include "agent/core/removals.h"
#include "agent/core/revisions.h"
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
  decision.actions.insert(decision.actions.begin(), turn.releases.begin(), turn.releases.end());
  return decision;
}

}  // namespace

Core::Core(Limits limits, WorkerId first_worker, std::uint64_t seed) {
  model_.limits = limits;
  memory_.next_worker = std::max<std::uint64_t>(raw(first_worker), 1);
  memory_.random_state = seed;
  memory_.bucket.tokens = limits.starts_burst;
}

Decision Core::step(Time now, std::span<const Event> events) {
  Turn turn{.now = now, .model = model_, .memory = memory_};
  for (const Event& event : events) take_in(turn, event);
  pass_deadlines(turn);

  follow_revisions(turn);
  fit_slots(turn);
  classify_exits(turn, ExitPass::kBeforeReleases);
  fill_slots(turn);
  classify_exits(turn, ExitPass::kAfterReleases);

  send_signals(turn);
  dismiss_spares(turn);
  start_workers(turn);
  prepare_revisions(turn);
  ask_exits(turn);
  record_exits(turn);
  remove_workers(turn);
  ask_inventory(turn);
  end_pools(turn);
  await_answers(turn);
  return decide(std::move(turn));
}

const Model& Core::model() const {
  return model_;
}

}  // namespace mayfly::core
