// This node's part of the pools that are spread over the fleet: a claim in etcd for each slot that
// it runs a worker for, under a lease of its own. It takes what is free up to its share, gives up
// what is above, one slot of a pool at a time and only once a worker's life has ended, and gives up
// nothing because etcd is out of reach. Pure. Owned by the session.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "agent/coordinator/claim_text.h"
#include "agent/coordinator/desired_state.h"
#include "agent/coordinator/mirror.h"
#include "agent/coordinator/parts.h"
#include "agent/coordinator/share.h"

namespace mayfly::coordinator {

/// The slots of each pool.
using Slots = std::map<std::string, std::set<std::uint32_t>>;

class Claims {
 public:
  struct Self {
    std::string node;
    std::string instance;  ///< tells this node from another of the same name
    std::map<std::string, std::string> labels;
    std::int64_t ttl_s = 60;
    Slots kept;  ///< those that it held last
  };

  Claims(Keys keys, Self self);

  template <class Answer>
  void take_by_parts(const Answer& answer, Turn& turn) {
    members_.take(answer, turn);
    slots_.take(answer, turn);
    forget_another_etcd(turn);
  }
  void take(const LeaseGranted& granted, Turn& turn);
  template <class Answer>
  void take_by_keeper(const Answer& answer, Turn& turn) {
    keeper_.take(answer, turn);
  }
  void take(const KeyWritten& written, Turn& turn);
  void take(const KeyConflicted& conflicted, Turn& turn);
  void take(const KeyFailed& failed, Turn& turn);
  void take(const PoolsShared& shared) { shared_ = shared.pools; }
  void take(const PlacesChanged& changed) { places_ = changed.places; }
  void take(const SchedulingChanged& changed) { scheduling_ = changed.scheduling; }

  enum class Trust : std::uint8_t {
    kFull,
    kNone,  ///< etcd is not the one that is meant: nothing of it counts
  };
  void advance(Trust trust, Turn& turn);

  /// How many workers of the pool this node is to run.
  [[nodiscard]] std::uint32_t workers(const std::string& pool) const;
  /// What it runs them for: to be kept for a start without etcd.
  [[nodiscard]] Slots slots() const;
  /// Is its claim known to be held at that time?
  [[nodiscard]] bool holds(const std::string& pool, std::uint32_t slot, Time now) const;

  [[nodiscard]] Time due() const { return due_; }
  [[nodiscard]] std::vector<std::string> faults() const;

 private:
  struct SlotId {
    std::string pool;
    std::uint32_t slot = 0;
    auto operator<=>(const SlotId&) const = default;
  };
  struct Own {
    bool is_run = false;      ///< it was known to be held: a worker is there for it
    bool is_leaving = false;  ///< no worker follows the next that ends, then the claim is given up
    bool is_ending = false;   ///< its claim's deletion has been asked for: it is not taken back
  };
  using Pool = std::map<std::uint32_t, Own>;  ///< the own slots of one pool
  /// What is out, or to be asked next.
  struct Write {
    enum class What : std::uint8_t { kMember, kClaim, kRelease };
    What what = What::kMember;
    SlotId id = {};  ///< of a slot's
    std::string key = {};
    std::string value = {};
    std::int64_t lease = 0;
    std::int64_t expected = 0;
  };

  void forget_another_etcd(Turn& turn);
  void lose_answer(Turn& turn);

  // All of these go by what is known now of etcd.
  void learn(Time now);
  [[nodiscard]] bool was_away() const;
  void plan(Time now);
  void plan_pool(const std::string& pool, Pool& own, Time now);
  [[nodiscard]] std::uint32_t share(const std::string& pool) const;
  [[nodiscard]] bool is_member_known(std::int64_t lease) const;
  [[nodiscard]] static std::uint32_t count_staying(const Pool& own);
  [[nodiscard]] Time write_next(Turn& turn);
  [[nodiscard]] std::optional<Write> next_write(std::int64_t lease, Time now) const;
  [[nodiscard]] std::optional<Write> join(std::int64_t lease) const;
  [[nodiscard]] std::optional<Write> renew(std::int64_t lease) const;
  [[nodiscard]] std::optional<Write> release() const;
  [[nodiscard]] std::optional<Write> claim(std::int64_t lease) const;
  [[nodiscard]] std::optional<std::uint32_t> free_slot(const std::string& pool) const;
  void ask(Write write, Turn& turn);
  [[nodiscard]] Write claim_of_slot(const SlotId& id, std::int64_t lease,
                                    std::int64_t expected) const;

  Keys keys_;
  Self self_;
  LeaseKeeper keeper_;
  Mirror<Member> members_;
  Mirror<Claim> slots_;
  std::map<std::string, SharedPool> shared_;
  std::optional<std::map<std::string, std::uint32_t>> places_;  ///< none: not known yet
  std::string scheduling_ = kOpen;
  std::map<std::string, Pool> own_;
  std::optional<Time> joins_at_;  ///< under this lease; none: etcd has not been read yet
  std::pair<std::uint64_t, std::uint64_t> met_;  ///< the eras of members and slots
  Write out_;
  Question question_;
  Retry retry_;
  Time next_at_{};
  Time due_{};
  std::string fault_;    ///< why the last write failed
  std::string foreign_;  ///< another node has this node's name
};

}  // namespace mayfly::coordinator
