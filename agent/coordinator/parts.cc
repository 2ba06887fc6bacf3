#include "agent/coordinator/parts.h"

#include <utility>

namespace mayfly::coordinator {
namespace {

using namespace std::chrono_literals;

constexpr Duration kForeign = 10s;  ///< before another look at a name that another node has

/// The earlier of what is due and of giving up on what is out.
Time due_of(const Question& question, Time next) {
  return question.is_out() ? question.lost_at() : next;
}

}  // namespace

std::string words_for(const etcd::Error& error) {
  if (!etcd::is_full(error)) return error.what;
  return "etcd is full: the node cannot report until it is compacted and defragmented";
}

// ---- Follower

std::set<std::string> Follower::take(const Listed& listed, Turn& turn) {
  if (!tracker_.take(listed, turn)) return {};
  DesiredState::Taken taken = state_.take_list(listed.answer, known_);
  if (taken.needs_list) tracker_.list_soon(turn);
  tracker_.watch(
      listed, taken.pools.empty() ? Tracker::Missed::kNothing : Tracker::Missed::kSomething, turn);
  return taken.pools;
}

std::set<std::string> Follower::take(const WatchHeard& heard, Turn& turn) {
  if (!tracker_.is_of(heard)) return {};
  std::set<std::string> pools;
  for (const etcd::Change& change : heard.news.changes) {
    DesiredState::Taken taken = state_.take_change(change);
    pools.merge(taken.pools);
    if (taken.needs_list) tracker_.list_soon(turn);
  }
  return pools;
}

void Follower::advance(Turn& turn) {
  if (tracker_.advance(turn)) known_ = state_.revision();
}

// ---- LeaseKeeper

void LeaseKeeper::take(const LeaseGranted& granted, Turn& turn) {
  const Time asked = question_.asked();
  if (!question_.settle(granted.number)) return;
  if (granted.lease.id == 0 || granted.lease.ttl_s <= 0) {
    next_at_ = retry_.after_failure(turn.now, turn.chance);
    return;
  }
  retry_.succeeded();
  fault_.clear();
  lease_ = granted.lease.id;
  const Duration ttl = std::chrono::seconds(granted.lease.ttl_s);
  held_until_ = asked + ttl;
  next_at_ = asked + ttl / 3;
}

void LeaseKeeper::take(const GrantFailed& failed, Turn& turn) {
  if (!question_.settle(failed.number)) return;
  fault_ = words_for(failed.error);
  next_at_ = retry_.after_failure(turn.now, turn.chance);
}

void LeaseKeeper::take(const LeaseKept& kept, Turn& turn) {
  const Time asked = question_.asked();
  if (!question_.settle(kept.number)) return;
  if (kept.lease.ttl_s <= 0) return lose(lease_);
  retry_.succeeded();
  fault_.clear();
  const Duration ttl = std::chrono::seconds(kept.lease.ttl_s);
  held_until_ = asked + ttl;
  next_at_ = std::max(asked + ttl / 3, turn.now);
}

void LeaseKeeper::take(const KeepFailed& failed, Turn& turn) {
  if (!question_.settle(failed.number)) return;
  fault_ = failed.error.what;
  if (failed.error.kind == etcd::ErrorKind::kNotFound) return lose(lease_);
  next_at_ = std::min(retry_.after_failure(turn.now, turn.chance), held_until_);
}

void LeaseKeeper::lose(std::int64_t lease) {
  if (lease == 0 || lease != lease_) return;
  lease_ = 0;
  question_.forget();
  next_at_ = Time{};
}

void LeaseKeeper::advance(Turn& turn) {
  // A member that is cut off may go on saying that it is held: not for longer than that.
  if (lease_ != 0 && turn.now >= held_until_) lose(lease_);
  if (question_.is_out() && turn.now >= question_.lost_at()) question_.forget();
  if (question_.is_out() || turn.now < next_at_) return;
  question_.ask(turn.next_number(), turn.now);
  if (lease_ == 0) {
    turn.actions.emplace_back(GrantLease{turn.last_number, ttl_s_});
  } else {
    turn.actions.emplace_back(KeepLease{turn.last_number, lease_});
  }
}

Time LeaseKeeper::due() const {
  const Time next = due_of(question_, next_at_);
  return lease_ != 0 ? std::min(next, held_until_) : next;
}

// ---- Reporter

bool Reporter::has_news(std::int64_t lease) const {
  if (lease == 0 || !status_) return false;
  return written_.lease != lease || written_.status != *status_;
}

void Reporter::written(std::int64_t revision) {
  written_ = sent_;
  revision_ = revision;
  retry_.succeeded();
  fault_.clear();
}

void Reporter::take(const ReportWritten& answer) {
  if (question_.settle(answer.number)) written(answer.revision);
}

/// Also how a write of ours is found whose answer was lost.
void Reporter::take(const ReportConflicted& conflicted, Turn& turn) {
  if (!question_.settle(conflicted.number)) return;
  if (!conflicted.found) {
    revision_ = 0;
    return;
  }
  const Writer& found = *conflicted.found;
  switch (found.who) {
    case Writer::Who::kUs:
      revision_ = found.mod_revision;
      if (found.token == uncertain_.token) written_ = uncertain_;
      fault_.clear();
      return;
    case Writer::Who::kAnother:
      fault_ = "another node has this node's name and reports under it: give each its own";
      next_at_ = turn.now + kForeign;
      return;
  }
}

void Reporter::take(const ReportFailed& failed, Turn& turn) {
  if (!question_.settle(failed.number)) return;
  fault_ = words_for(failed.error);
  if (failed.error.kind == etcd::ErrorKind::kUnknown) uncertain_ = sent_;
  next_at_ = std::max(next_at_, retry_.after_failure(turn.now, turn.chance));
}

void Reporter::advance(std::int64_t lease, Turn& turn) {
  if (question_.is_out() && turn.now >= question_.lost_at()) question_.forget();
  if (question_.is_out() || !has_news(lease) || turn.now < next_at_) return;
  question_.ask(turn.next_number(), turn.now);
  next_at_ = turn.now + kPace;
  sent_ = {turn.last_number, lease, *status_};
  turn.actions.emplace_back(WriteReport{sent_.token, lease, revision_, sent_.status});
}

Time Reporter::due(std::int64_t lease) const {
  if (question_.is_out()) return question_.lost_at();
  return has_news(lease) ? next_at_ : core::kNever;
}

}  // namespace mayfly::coordinator
