#include "agent/coordinator/tracker.h"

namespace mayfly::coordinator {
namespace {

using namespace std::chrono_literals;

constexpr Duration kListEvery = 80s;  ///< at least: a watch may be deaf
constexpr Duration kCalm = 1s;        ///< a leader's death ends the watches of all nodes

}  // namespace

bool Tracker::take(const Listed& listed, Turn& turn) {
  if (!list_.settle(listed.number)) return false;
  retry_.succeeded();
  fault_.clear();
  list_at_ = turn.now + turn.chance.some_of(kListEvery);
  return true;
}

void Tracker::watch(const Listed& listed, Missed missed, Turn& turn) {
  if (watch_ != 0 && missed == Missed::kNothing) return;
  if (watch_ != 0) turn.actions.emplace_back(StopWatch{watch_});
  watch_ = turn.next_number();
  turn.actions.emplace_back(Watch{watch_, range_, listed.answer.header.revision + 1});
}

void Tracker::take(const ListFailed& failed, Turn& turn) {
  if (!list_.settle(failed.number)) return;
  fault_ = failed.error.what;
  list_at_ = retry_.after_failure(turn.now, turn.chance);
}

void Tracker::take(const WatchEnded& ended, Turn& turn) {
  if (ended.number != watch_) return;
  watch_ = 0;
  fault_ = ended.error.what;
  // Refused, it would be so again at once; compacted, the list is all that is missing.
  const bool is_refused =
      ended.error.kind == etcd::ErrorKind::kRefused && !etcd::is_compacted(ended.error);
  if (is_refused) {
    list_at_ = retry_.after_failure(turn.now, turn.chance);
  } else {
    list_soon(turn);
  }
}

void Tracker::list_soon(Turn& turn) {
  list_at_ = turn.now + turn.chance.some_of(kCalm);
}

bool Tracker::advance(Turn& turn) {
  if (list_.is_out() && turn.now >= list_.lost_at()) {
    list_.forget();
    list_at_ = retry_.after_failure(turn.now, turn.chance);
  }
  if (list_.is_out() || turn.now < list_at_) return false;
  list_.ask(turn.next_number(), turn.now);
  turn.actions.emplace_back(List{turn.last_number, range_});
  return true;
}

Time Tracker::due() const {
  return list_.is_out() ? list_.lost_at() : list_at_;
}

}  // namespace mayfly::coordinator
