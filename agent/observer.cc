#include "agent/observer.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "agent/clock.h"
#include "agent/core/words.h"
#include "agent/log.h"
#include "agent/names.h"

namespace mayfly::agent {
namespace {

/// What an operator should see without asking.
bool is_trouble(std::string_view what) {
  namespace words = core::words;
  static constexpr std::array kTrouble = {
      words::kStartFailed,    words::kStartUncertain, words::kGateLost,
      words::kReleaseFailed,  words::kRemoveFailed,   words::kLost,
      words::kRevisionFailed, words::kBackoff,        words::kRevisionRefused};
  return std::find(kTrouble.begin(), kTrouble.end(), what) != kTrouble.end();
}

}  // namespace

Observer::Observer(const core::Core& core, Evidence& evidence, const Workplaces& workplaces)
    : core_(core), evidence_(evidence), workplaces_(workplaces) {}

void Observer::observe(const core::Decision& decision) {
  if (decision.transitions.empty()) return;
  const std::int64_t now_ms = unix_ms_now();
  const auto& workers = core_.model().workers;
  for (const core::Transition& transition : decision.transitions) {
    if (transition.worker && transition.what == core::words::kRunning) {
      const auto found = workers.find(*transition.worker);
      if (found != workers.end()) measure(found->second);
    }
    write_log(transition);
    evidence_.add(now_ms, transition);
  }
}

void Observer::measure(const core::Worker& worker) {
  PoolEvidence& pool = evidence_.pool(worker.pool);
  if (worker.start_asked && worker.ready) pool.create.add(*worker.ready - *worker.start_asked);
  if (!worker.respawn_gap || !worker.running) return;
  pool.respawns.add(*worker.running);
  pool.gap.add(*worker.respawn_gap);
  const auto sent = workplaces_.release_sent(worker.id);
  if (!sent) return;
  pool.gap_exec.add(*worker.running - *sent);
  pool.gap_decide.add(*worker.respawn_gap - (*worker.running - *sent));
}

void Observer::write_log(const core::Transition& transition) const {
  const bool trouble = is_trouble(transition.what);
  const log::Level level = trouble ? log::Level::kWarning : log::Level::kDebug;
  if (!log::enabled(level)) return;
  const std::string worker =
      transition.worker ? worker_name(transition.pool, *transition.worker) : std::string("-");
  const std::string slot = transition.slot ? std::to_string(*transition.slot) : std::string("-");
  log::write(level, transition.what,
             {{"pool", transition.pool},
              {"worker", worker},
              {"slot", slot},
              {"revision", std::to_string(static_cast<std::uint32_t>(transition.revision))},
              {"detail", transition.detail}});
}

}  // namespace mayfly::agent
