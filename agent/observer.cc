#include "agent/observer.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "agent/clock.h"
#include "agent/core/words.h"
#include "agent/log.h"
#include "agent/message_ids.h"
#include "agent/names.h"

namespace mayfly::agent {
namespace {

/// What an operator should see without asking.
struct Notice {
  log::Level level = log::Level::kDebug;
  std::string_view what = {};
  std::string_view id = {};
};

Notice notice_of(std::string_view what) {
  namespace words = core::words;
  namespace ids = message_ids;
  constexpr auto kInfo = log::Level::kInfo;
  constexpr auto kWarning = log::Level::kWarning;
  static constexpr std::array kNotices{
      Notice{kWarning, words::kStartFailed, ids::kStartFailed},
      Notice{kWarning, words::kStartUncertain, ids::kStartUncertain},
      Notice{kWarning, words::kGateLost, ids::kGateLost},
      Notice{kWarning, words::kReleaseFailed, ids::kReleaseFailed},
      Notice{kWarning, words::kRemoveFailed, ids::kRemoveFailed},
      Notice{kWarning, words::kLost, ids::kWorkerLost},
      Notice{kWarning, words::kRevisionFailed, ids::kRevisionFailed},
      Notice{kWarning, words::kBackoff, ids::kBackoff},
      Notice{kWarning, words::kRevisionRefused, ids::kRevisionRefused},
      Notice{kInfo, words::kNodeOpen, ids::kNodeOpen},
      Notice{kInfo, words::kNodeCordoned, ids::kNodeCordoned},
      Notice{kInfo, words::kNodeDraining, ids::kNodeDraining},
      Notice{kInfo, words::kNodeDrained, ids::kNodeDrained}};
  const auto found = std::find_if(kNotices.begin(), kNotices.end(),
                                  [what](const Notice& each) { return each.what == what; });
  return found == kNotices.end() ? Notice{.what = what} : *found;
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
  const Notice notice = notice_of(transition.what);
  if (!log::enabled(notice.level)) return;
  const std::string worker =
      transition.worker ? worker_name(transition.pool, *transition.worker) : std::string();
  const std::string slot = transition.slot ? std::to_string(*transition.slot) : std::string();
  const std::string revision =
      transition.revision == core::kNoRevision
          ? std::string()
          : std::to_string(static_cast<std::uint32_t>(transition.revision));
  log::write(notice.level, {transition.what, notice.id},
             {{"pool", transition.pool},
              {"worker", worker},
              {"slot", slot},
              {"revision", revision},
              {"detail", transition.detail}});
}

}  // namespace mayfly::agent
