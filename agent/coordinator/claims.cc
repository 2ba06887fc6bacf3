#include "agent/coordinator/claims.h"

#include <algorithm>
#include <utility>

namespace mayfly::coordinator {
namespace {

using namespace std::chrono_literals;

/// From a new lease to the first new claim: the others come back too, and first to what was theirs.
constexpr Duration kSettle = 5s;
/// Before a node that was away for longer than its lease joins again: the others may have been away
/// as well, still live for their slots, and find the way back within half a minute.
constexpr Duration kReturn = 40s;

}  // namespace

std::uint32_t Claims::count_staying(const Pool& own) {
  return static_cast<std::uint32_t>(std::count_if(
      own.begin(), own.end(), [](const auto& each) { return !each.second.is_leaving; }));
}

Claims::Claims(Keys keys, Self self)
    : keys_(std::move(keys)),
      self_(std::move(self)),
      keeper_(self_.ttl_s),
      members_(keys_.all_members(), member_of),
      slots_(keys_.all_slots(), claim_of) {
  for (const auto& [pool, kept] : self_.kept) {
    for (const std::uint32_t slot : kept) own_[pool][slot].is_run = true;
  }
}

// ---- what comes

void Claims::take(const LeaseGranted& granted, Turn& turn) {
  const std::int64_t before = keeper_.lease();
  keeper_.take(granted, turn);
  if (keeper_.lease() != before) joins_at_.reset();
}

void Claims::take(const KeyWritten& written, Turn& turn) {
  if (!question_.settle(written.number)) return;
  retry_.succeeded();
  fault_.clear();
  next_at_ = turn.now;
  const etcd::KeyValue kv{
      .key = out_.key, .value = out_.value, .mod_revision = written.revision, .lease = out_.lease};
  switch (out_.what) {
    case Write::What::kMember:
      members_.note(kv);
      return;
    case Write::What::kClaim:
      slots_.note(kv);
      own_[out_.id.pool].try_emplace(out_.id.slot);
      return;
    case Write::What::kRelease:
      slots_.note_gone(out_.key, written.revision);
      own_[out_.id.pool].erase(out_.id.slot);
      return;
  }
}

void Claims::take(const KeyConflicted& conflicted, Turn& turn) {
  if (!question_.settle(conflicted.number)) return;
  const auto note = [&](auto& mirror) {
    if (conflicted.found) return mirror.note(*conflicted.found);
    return mirror.note_gone(out_.key, conflicted.revision);
  };
  const bool is_news = out_.what == Write::What::kMember ? note(members_) : note(slots_);
  if (!is_news) next_at_ = retry_.after_failure(turn.now, turn.chance);
}

void Claims::take(const KeyFailed& failed, Turn& turn) {
  if (!question_.settle(failed.number)) return;
  fault_ = words_for(failed.error);
  next_at_ = retry_.after_failure(turn.now, turn.chance);
  if (failed.error.kind == etcd::ErrorKind::kNotFound) keeper_.lose(out_.lease);
  if (failed.error.kind == etcd::ErrorKind::kUnknown) lose_answer(turn);
}

/// The answer that is out may be of the etcd before, whose revisions mean nothing in this one.
void Claims::forget_another_etcd(Turn& turn) {
  const std::pair met{members_.era(), slots_.era()};
  if (met != std::exchange(met_, met) && question_.is_out()) lose_answer(turn);
}

void Claims::lose_answer(Turn& turn) {
  question_.forget();
  members_.doubt(turn);
  slots_.doubt(turn);
}

// ---- what follows

void Claims::advance(Trust trust, Turn& turn) {
  keeper_.advance(turn);
  members_.advance(turn);
  slots_.advance(turn);
  if (question_.is_out() && turn.now >= question_.lost_at()) lose_answer(turn);
  Time again_at = core::kNever;
  const bool is_known = trust == Trust::kFull && keeper_.held(turn.now) != 0 &&
                        members_.is_current() && slots_.is_current() && !question_.is_out();
  if (is_known) {
    learn(turn.now);
    plan(turn.now);
    again_at = write_next(turn);
  }
  due_ = std::min({keeper_.due(), members_.due(), slots_.due(), again_at});
  if (question_.is_out()) due_ = std::min(due_, question_.lost_at());
}

/// When to look again, if something waits for its time.
Time Claims::write_next(Turn& turn) {
  const std::int64_t lease = keeper_.held(turn.now);
  const Time joins_at = joins_at_.value();
  std::optional<Write> write = next_write(lease, turn.now);
  Time at = next_at_;
  if (!write && foreign_.empty()) {
    write = claim(lease);
    at = std::max(at, joins_at + kSettle);
  }
  if (!write) return turn.now < joins_at ? joins_at : core::kNever;
  if (turn.now < at) return at;
  ask(std::move(*write), turn);
  return core::kNever;
}

/// Whose name this node has, whose slots it has. A slot is another's as soon as etcd says so; it is
/// ours to run a worker for once its claim is there under a lease that is known to be held.
void Claims::learn(Time now) {
  if (!joins_at_) joins_at_ = was_away() ? now + kReturn : now;
  const auto* member = members_.find(keys_.member(self_.node));
  const bool is_namesake = member != nullptr && member->value.instance != self_.instance;
  foreign_ =
      is_namesake ? "another node has this node's name, and its slots: give each its own" : "";
  for (const auto& [key, entry] : slots_.entries()) {
    const Claim& claim = entry.value;
    if (claim.instance == self_.instance) own_[claim.pool].try_emplace(claim.slot);
  }
  for (auto& [pool, own] : own_) {
    for (auto each = own.begin(); each != own.end();) {
      // One that takes on nothing more has no worker for what turns up then: an answer that comes
      // late, or what a restored etcd had long ago.
      if (!each->second.is_run && scheduling_ != kOpen) each->second.is_leaving = true;
      const auto* entry = slots_.find(keys_.slot(pool, each->first));
      const bool is_anothers = entry != nullptr && entry->value.instance != self_.instance;
      const bool is_over = entry == nullptr && (each->second.is_leaving || !each->second.is_run);
      if (is_anothers || is_over) {
        each = own.erase(each);
        continue;
      }
      if (entry != nullptr && entry->lease == keeper_.held(now)) each->second.is_run = true;
      ++each;
    }
  }
  std::erase_if(own_, [](const auto& each) { return each.second.empty(); });
}

/// For longer than its lease: it lived for slots that etcd does not give it any more.
bool Claims::was_away() const {
  for (const auto& [pool, own] : own_) {
    for (const auto& [slot, each] : own) {
      if (!each.is_run || each.is_leaving) continue;
      const auto* entry = slots_.find(keys_.slot(pool, slot));
      if (entry == nullptr || entry->value.instance != self_.instance) return true;
    }
  }
  return false;
}

void Claims::plan(Time now) {
  for (auto& [pool, own] : own_) plan_pool(pool, own, now);
}

void Claims::plan_pool(const std::string& pool, Pool& own, Time now) {
  const auto shared = shared_.find(pool);
  const bool takes = scheduling_ == kOpen;
  const bool keeps = takes || scheduling_ == kCordoned;
  if (shared == shared_.end() || !keeps) {
    for (auto& [slot, each] : own) each.is_leaving = true;
    return;
  }
  if (takes && !is_member_known(keeper_.lease())) return;
  const std::uint32_t total = shared->second.total;
  const std::uint32_t staying = count_staying(own);
  const std::uint32_t wanted = takes ? share(pool) : staying;
  std::uint32_t missing = wanted - std::min(wanted, staying);
  for (auto each = own.begin(); each != own.end() && missing > 0; ++each) {
    if (!each->second.is_leaving || each->second.is_ending || each->first >= total) continue;
    if (!holds(pool, each->first, now)) continue;
    each->second.is_leaving = false;
    --missing;
  }
  if (count_staying(own) < own.size()) return;  // one after the other
  const auto highest = std::prev(own.end());
  if (highest->first >= total || staying > wanted) highest->second.is_leaving = true;
}

/// What the nodes that do not share hold now is not theirs to share out.
std::uint32_t Claims::share(const std::string& pool) const {
  const SharedPool& shared = shared_.at(pool);
  std::vector<std::string> nodes;
  std::set<std::string> instances;
  for (const auto& [key, entry] : members_.entries()) {
    const Member& member = entry.value;
    if (member.scheduling != kOpen || !selects(shared.selector, member.labels)) continue;
    nodes.push_back(keys_.node_of(key));
    instances.insert(member.instance);
  }
  if (!instances.contains(self_.instance)) return 0;
  std::uint32_t held = 0;
  for (const auto& [key, entry] : slots_.entries()) {
    const Claim& claim = entry.value;
    if (claim.pool != pool || claim.slot >= shared.total) continue;
    if (!instances.contains(claim.instance)) ++held;
  }
  return share_of(self_.node, nodes, pool, shared.total - held);
}

bool Claims::is_member_known(std::int64_t lease) const {
  const auto* entry = members_.find(keys_.member(self_.node));
  return entry != nullptr && entry->value.instance == self_.instance && entry->lease == lease &&
         entry->value.scheduling == scheduling_;
}

// ---- what is to be written, in the order of what matters

std::optional<Claims::Write> Claims::next_write(std::int64_t lease, Time now) const {
  std::optional<Write> write = now >= joins_at_ ? join(lease) : std::nullopt;
  if (!foreign_.empty()) return std::nullopt;
  if (!write) write = renew(lease);
  if (!write) write = release();
  return write;
}

std::optional<Claims::Write> Claims::join(std::int64_t lease) const {
  const std::string key = keys_.member(self_.node);
  const std::string text = member_text({self_.instance, self_.labels, scheduling_});
  const auto* entry = members_.find(key);
  if (entry != nullptr && entry->text == text && entry->lease == lease) return std::nullopt;
  const std::int64_t expected = entry != nullptr ? entry->mod_revision : 0;
  return Write{Write::What::kMember, {}, key, text, lease, expected};
}

Claims::Write Claims::claim_of_slot(const SlotId& id, std::int64_t lease,
                                    std::int64_t expected) const {
  return {Write::What::kClaim, id, keys_.slot(id.pool, id.slot), "", lease, expected};
}

/// What was claimed under an earlier lease, and what went with it.
std::optional<Claims::Write> Claims::renew(std::int64_t lease) const {
  for (const auto& [pool, own] : own_) {
    for (const auto& [slot, each] : own) {
      const auto* entry = slots_.find(keys_.slot(pool, slot));
      if (entry != nullptr && entry->lease == lease) continue;
      return claim_of_slot({pool, slot}, lease, entry != nullptr ? entry->mod_revision : 0);
    }
  }
  return std::nullopt;
}

/// Once there is a worker less than slots.
std::optional<Claims::Write> Claims::release() const {
  if (!places_) return std::nullopt;
  for (const auto& [pool, own] : own_) {
    const auto places = places_->find(pool);
    if (places != places_->end() && places->second >= own.size()) continue;
    for (const auto& [slot, each] : own) {
      const std::string key = keys_.slot(pool, slot);
      const auto* entry = slots_.find(key);
      if (!each.is_leaving || entry == nullptr) continue;
      return Write{Write::What::kRelease, {pool, slot}, key, "", 0, entry->mod_revision};
    }
  }
  return std::nullopt;
}

std::optional<Claims::Write> Claims::claim(std::int64_t lease) const {
  if (scheduling_ != kOpen || !is_member_known(lease)) return std::nullopt;
  for (const auto& [pool, shared] : shared_) {
    const auto own = own_.find(pool);
    const std::uint32_t staying = own == own_.end() ? 0 : count_staying(own->second);
    if (staying >= share(pool)) continue;
    if (const auto slot = free_slot(pool)) return claim_of_slot({pool, *slot}, lease, 0);
  }
  return std::nullopt;
}

/// Each node in an order of its own, lest all want the same.
std::optional<std::uint32_t> Claims::free_slot(const std::string& pool) const {
  std::optional<std::uint32_t> best;
  std::uint64_t best_rank = 0;
  for (std::uint32_t slot = 0; slot < shared_.at(pool).total; ++slot) {
    const std::string key = keys_.slot(pool, slot);
    const std::uint64_t rank = rank_of(key, self_.node);
    if (slots_.find(key) != nullptr || (best && rank >= best_rank)) continue;
    best = slot;
    best_rank = rank;
  }
  return best;
}

void Claims::ask(Write write, Turn& turn) {
  const std::uint64_t number = turn.next_number();
  question_.ask(number, turn.now);
  switch (write.what) {
    case Write::What::kClaim:
      write.value = claim_text({write.id.pool, write.id.slot, self_.node, self_.instance}, number);
      [[fallthrough]];
    case Write::What::kMember:
      turn.actions.emplace_back(
          PutKey{number, write.key, write.value, write.lease, write.expected});
      break;
    case Write::What::kRelease:
      own_.at(write.id.pool).at(write.id.slot).is_ending = true;
      turn.actions.emplace_back(DeleteKey{number, write.key, write.expected});
      break;
  }
  out_ = std::move(write);
}

// ---- what is said

std::uint32_t Claims::workers(const std::string& pool) const {
  const auto own = own_.find(pool);
  if (own == own_.end()) return 0;
  return static_cast<std::uint32_t>(std::count_if(
      own->second.begin(), own->second.end(),
      [](const auto& each) { return each.second.is_run && !each.second.is_leaving; }));
}

Slots Claims::slots() const {
  Slots slots;
  for (const auto& [pool, own] : own_) {
    for (const auto& [slot, each] : own) {
      if (each.is_run && !each.is_leaving) slots[pool].insert(slot);
    }
  }
  return slots;
}

bool Claims::holds(const std::string& pool, std::uint32_t slot, Time now) const {
  const auto* entry = slots_.find(keys_.slot(pool, slot));
  return entry != nullptr && entry->value.instance == self_.instance && keeper_.held(now) != 0 &&
         entry->lease == keeper_.held(now);
}

std::vector<std::string> Claims::faults() const {
  std::vector<std::string> lines;
  for (const std::string* fault :
       {&members_.fault(), &slots_.fault(), &keeper_.fault(), &fault_, &foreign_}) {
    if (!fault->empty()) lines.push_back(*fault);
  }
  return lines;
}

}  // namespace mayfly::coordinator
