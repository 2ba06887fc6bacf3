// The three things that a session does side by side, each with what it waits for and its own next
// deadline: to follow the desired state, to keep a lease, to report under it. Pure. Owned by the
// session, which hands them what comes.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/coordinator/desired_state.h"
#include "agent/coordinator/events.h"
#include "agent/coordinator/retry.h"

namespace mayfly::coordinator {

/// What a step of a part works with.
struct Turn {
  Time now;
  std::vector<Action>& actions;
  std::uint64_t& last_number;
  Chance& chance;

  [[nodiscard]] std::uint64_t next_number() { return ++last_number; }
};

/// List, then watch from the revision after; whenever the watch ends, and now and then, list anew.
class Follower {
 public:
  explicit Follower(DesiredState state) : state_(std::move(state)) {}

  /// Each returns the pools whose documents are new.
  std::set<std::string> take(const Listed& listed, Turn& turn);
  void take(const ListFailed& failed, Turn& turn);
  std::set<std::string> take(const WatchHeard& heard, Turn& turn);
  void take(const WatchEnded& ended, Turn& turn);
  void advance(Turn& turn);

  [[nodiscard]] bool awaits(const Listed& listed) const { return list_.is(listed.number); }
  [[nodiscard]] Time due() const;
  [[nodiscard]] bool is_current() const { return watch_ != 0 && fault_.empty(); }
  [[nodiscard]] const std::string& fault() const { return fault_; }
  [[nodiscard]] DesiredState& state() { return state_; }
  [[nodiscard]] const DesiredState& state() const { return state_; }

 private:
  void stop_watch(Turn& turn);

  DesiredState state_;
  Question list_;
  std::int64_t known_ = 0;   ///< the state's revision when the list was asked for
  Time list_at_{};           ///< no list before
  std::uint64_t watch_ = 0;  ///< 0: none
  Retry retry_;
  std::string fault_;  ///< why the last list or watch failed; "": it did not
};

/// A lease is held as long as etcd said so, counted from when it was asked.
class LeaseKeeper {
 public:
  static constexpr std::int64_t kTtlS = 15;

  void take(const LeaseGranted& granted, Turn& turn);
  void take(const GrantFailed& failed, Turn& turn);
  void take(const LeaseKept& kept, Turn& turn);
  void take(const KeepFailed& failed, Turn& turn);
  void lose(std::int64_t lease);
  void advance(Turn& turn);

  [[nodiscard]] Time due() const;
  [[nodiscard]] std::int64_t lease() const { return lease_; }  ///< 0: none
  [[nodiscard]] const std::string& fault() const { return fault_; }

 private:
  std::int64_t lease_ = 0;
  Time held_until_{};
  Time next_at_{};     ///< of the next grant or keepalive
  Question question_;  ///< of either
  Retry retry_;
  std::string fault_;
};

/// The newest status, at most one write per kPace.
class Reporter {
 public:
  static constexpr std::chrono::seconds kPace{2};

  void take(const StatusChanged& changed) { status_ = changed.status; }
  void take(const ReportWritten& written);
  void take(const ReportConflicted& conflicted, Turn& turn);
  void take(const ReportFailed& failed, Turn& turn);
  void advance(std::int64_t lease, Turn& turn);

  [[nodiscard]] Time due(std::int64_t lease) const;
  [[nodiscard]] const std::string& fault() const { return fault_; }

 private:
  struct Report {
    std::uint64_t token = 0;
    std::int64_t lease = 0;
    std::string status;
  };

  [[nodiscard]] bool has_news(std::int64_t lease) const;
  void written(std::int64_t revision);

  std::optional<std::string> status_;
  Report sent_;                ///< the last that was tried
  Report uncertain_;           ///< the last whose outcome is not known
  Report written_;             ///< the last that is known to be there
  std::int64_t revision_ = 0;  ///< of the status key, as last known
  Time next_at_{};
  Question question_;
  Retry retry_;
  std::string fault_;
};

}  // namespace mayfly::coordinator
