#include "agent/coordinator/session.h"

#include <algorithm>
#include <utility>

namespace mayfly::coordinator {
namespace {

template <class... Handlers>
struct Overloaded : Handlers... {
  using Handlers::operator()...;
};
template <class... Handlers>
Overloaded(Handlers...) -> Overloaded<Handlers...>;

/// The lease is kept three times in this.
constexpr std::chrono::seconds kSilenceMax{LeaseKeeper::kTtlS};

bool refuses(const etcd::Error& error) {
  return error.code != etcd::kNoCode && error.kind == etcd::ErrorKind::kRefused;
}

/// Something that etcd said, and not that it said nothing.
bool is_word_of_etcd(const Event& event) {
  if (const auto* grant = std::get_if<GrantFailed>(&event)) return refuses(grant->error);
  return std::holds_alternative<Listed>(event) || std::holds_alternative<WatchHeard>(event) ||
         std::holds_alternative<LeaseGranted>(event) || std::holds_alternative<LeaseKept>(event) ||
         std::holds_alternative<ReportWritten>(event) ||
         std::holds_alternative<ReportConflicted>(event);
}

}  // namespace

Session::Session(Keys keys, Baseline baseline, std::uint64_t seed)
    : follower_(DesiredState(std::move(keys), std::move(baseline))), chance_(seed) {}

Decision Session::step(Time now, const std::vector<Event>& events) {
  Decision decision;
  Turn turn{now, decision.actions, last_number_, chance_};
  for (const Event& event : events) take(event, decision, turn);
  follower_.advance(turn);
  keeper_.advance(turn);
  reporter_.advance(keeper_.lease(), turn);
  decision.wake_at = std::min({follower_.due(), keeper_.due(), reporter_.due(keeper_.lease())});
  return decision;
}

void Session::take(const Event& event, Decision& decision, Turn& turn) {
  if (is_word_of_etcd(event)) {
    has_met_ = true;
    last_contact_ = turn.now;
  }
  std::visit(
      Overloaded{
          [&](const Listed& each) { decision.changed.merge(take_list(each, decision, turn)); },
          [&](const ListFailed& each) { follower_.take(each, turn); },
          [&](const WatchHeard& each) { decision.changed.merge(follower_.take(each, turn)); },
          [&](const WatchEnded& each) { follower_.take(each, turn); },
          [&](const LeaseGranted& each) { keeper_.take(each, turn); },
          [&](const GrantFailed& each) { keeper_.take(each, turn); },
          [&](const LeaseKept& each) { keeper_.take(each, turn); },
          [&](const KeepFailed& each) { keeper_.take(each, turn); },
          [&](const ReportWritten& each) { reporter_.take(each); },
          [&](const ReportConflicted& each) { reporter_.take(each, turn); },
          [&](const ReportFailed& each) {
            if (each.error.kind == etcd::ErrorKind::kNotFound) keeper_.lose(keeper_.lease());
            reporter_.take(each, turn);
          },
          [&](const StatusChanged& each) { reporter_.take(each); },
          [&](const TombstoneTaken& each) {
            follower_.state().take_tombstone(each.pool, each.mod_revision);
          }},
      event);
}

std::set<std::string> Session::take_list(const Listed& listed, Decision& decision, Turn& turn) {
  const bool counts = follower_.awaits(listed);
  std::set<std::string> pools = follower_.take(listed, turn);
  if (counts && state().blocked().empty()) decision.order = listed.order;
  return pools;
}

Contact Session::contact(Time now) const {
  if (!has_met_) return Contact::kConnecting;
  const bool is_fresh = now - last_contact_ < kSilenceMax;
  return follower_.is_current() && is_fresh ? Contact::kConnected : Contact::kLost;
}

std::vector<std::string> Session::alarms() const {
  std::vector<std::string> lines = state().alarms();
  for (const std::string* fault : {&follower_.fault(), &keeper_.fault(), &reporter_.fault()}) {
    const bool is_new =
        !fault->empty() && std::find(lines.begin(), lines.end(), *fault) == lines.end();
    if (is_new) lines.push_back(*fault);
  }
  return lines;
}

}  // namespace mayfly::coordinator
