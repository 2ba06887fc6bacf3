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
constexpr std::chrono::seconds kSilenceMax{Reporter::kTtlS};

bool refuses(const etcd::Error& error) {
  return error.code != etcd::kNoCode && error.kind == etcd::ErrorKind::kRefused;
}

/// Something that etcd said, and not that it said nothing.
bool is_word_of_etcd(const Event& event) {
  if (const auto* grant = std::get_if<GrantFailed>(&event)) return refuses(grant->error);
  return std::holds_alternative<Listed>(event) || std::holds_alternative<WatchHeard>(event) ||
         std::holds_alternative<LeaseGranted>(event) || std::holds_alternative<LeaseKept>(event) ||
         std::holds_alternative<ReportWritten>(event) ||
         std::holds_alternative<ReportConflicted>(event) ||
         std::holds_alternative<KeyWritten>(event) || std::holds_alternative<KeyConflicted>(event);
}

std::optional<std::string> as_it_stands(const etcd::KeyValue& kv) {
  return kv.value;
}

}  // namespace

Session::Session(Keys keys, Baseline baseline, std::uint64_t seed, std::optional<Claims::Self> self)
    : follower_(keys.desired(), DesiredState(keys, std::move(baseline))),
      keeper_(Reporter::kTtlS),
      chance_(seed) {
  if (!self) return;
  order_.emplace(etcd::Range{keys.order(self->node)}, as_it_stands);
  claims_.emplace(std::move(keys), std::move(*self));
}

Decision Session::step(Time now, const std::vector<Event>& events) {
  Decision decision;
  Turn turn{now, decision.actions, last_number_, chance_};
  for (const Event& event : events) {
    take(event, decision, turn);
    if (claims_) take_for_claims(event, turn);
    if (order_) take_for_order(event, turn);
  }
  follower_.advance(turn);
  keeper_.advance(turn);
  reporter_.advance(keeper_.lease(), turn);
  decision.wake_at = std::min({follower_.due(), keeper_.due(), reporter_.due(keeper_.lease())});
  if (claims_) {
    claims_->advance(state().blocked().empty() ? Claims::Trust::kFull : Claims::Trust::kNone, turn);
    decision.wake_at = std::min(decision.wake_at, claims_->due());
  }
  if (order_) advance_order(decision, turn);
  return decision;
}

/// An etcd that is not believed orders nothing, nor does one whose pools have not been seen yet.
void Session::advance_order(Decision& decision, Turn& turn) {
  order_->advance(turn);
  decision.wake_at = std::min(decision.wake_at, order_->due());
  const Baseline& baseline = state().baseline();
  const bool counts = follower_.is_current() && state().blocked().empty() && order_->is_current() &&
                      order_->cluster() == baseline.cluster;
  if (!counts) return;
  const auto& entries = order_->entries();
  const Seen now{baseline.epoch, entries.empty() ? 0 : entries.begin()->second.mod_revision};
  if (now == std::exchange(order_seen_, now)) return;
  decision.order.emplace();
  for (const auto& [key, entry] : entries) {
    decision.order->push_back(
        {.key = key, .value = entry.text, .mod_revision = entry.mod_revision});
  }
}

void Session::take(const Event& event, Decision& decision, Turn& turn) {
  if (is_word_of_etcd(event)) {
    has_met_ = true;
    last_contact_ = turn.now;
  }
  std::visit(
      Overloaded{
          [&](const Listed& each) { decision.changed.merge(follower_.take(each, turn)); },
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
          },
          [](const KeyWritten&) {}, [](const KeyConflicted&) {}, [](const KeyFailed&) {},
          [](const PoolsShared&) {}, [](const PlacesChanged&) {}, [](const SchedulingChanged&) {}},
      event);
}

void Session::take_for_order(const Event& event, Turn& turn) {
  std::visit(
      [this, &turn](const auto& each) {
        if constexpr (requires { order_->take(each, turn); }) order_->take(each, turn);
      },
      event);
}

void Session::take_for_claims(const Event& event, Turn& turn) {
  Claims& claims = *claims_;
  std::visit(Overloaded{[&](const Listed& each) { claims.take_by_parts(each, turn); },
                        [&](const ListFailed& each) { claims.take_by_parts(each, turn); },
                        [&](const WatchHeard& each) { claims.take_by_parts(each, turn); },
                        [&](const WatchEnded& each) { claims.take_by_parts(each, turn); },
                        [&](const LeaseGranted& each) { claims.take(each, turn); },
                        [&](const GrantFailed& each) { claims.take_by_keeper(each, turn); },
                        [&](const LeaseKept& each) { claims.take_by_keeper(each, turn); },
                        [&](const KeepFailed& each) { claims.take_by_keeper(each, turn); },
                        [&](const KeyWritten& each) { claims.take(each, turn); },
                        [&](const KeyConflicted& each) { claims.take(each, turn); },
                        [&](const KeyFailed& each) { claims.take(each, turn); },
                        [&](const PoolsShared& each) { claims.take(each); },
                        [&](const PlacesChanged& each) { claims.take(each); },
                        [&](const SchedulingChanged& each) { claims.take(each); },
                        [](const ReportWritten&) {}, [](const ReportConflicted&) {},
                        [](const ReportFailed&) {}, [](const StatusChanged&) {},
                        [](const TombstoneTaken&) {}},
             event);
}

Contact Session::contact(Time now) const {
  if (!has_met_) return Contact::kConnecting;
  const bool is_fresh = now - last_contact_ < kSilenceMax;
  return follower_.is_current() && is_fresh ? Contact::kConnected : Contact::kLost;
}

std::vector<std::string> Session::alarms() const {
  std::vector<std::string> lines = state().alarms();
  std::vector<std::string> faults{follower_.fault(), keeper_.fault(), reporter_.fault()};
  if (order_) faults.push_back(order_->fault());
  if (claims_) {
    for (std::string& fault : claims_->faults()) faults.push_back(std::move(fault));
  }
  for (std::string& fault : faults) {
    const bool is_new =
        !fault.empty() && std::find(lines.begin(), lines.end(), fault) == lines.end();
    if (is_new) lines.push_back(std::move(fault));
  }
  return lines;
}

}  // namespace mayfly::coordinator
