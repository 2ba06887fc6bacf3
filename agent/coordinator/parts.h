// The things that a session does side by side, each with what it waits for and its own next
// deadline: to follow the desired state, to keep a lease, to report under it (and, in claims.h, to
// take its share of the slots). Pure. Owned by the session, which hands them what comes.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "agent/coordinator/desired_state.h"
#include "agent/coordinator/events.h"
#include "agent/coordinator/retry.h"
#include "agent/coordinator/tracker.h"
#include "agent/coordinator/turn.h"

namespace mayfly::coordinator {

/// The desired state, followed: its own part is to say what of it is new.
class Follower {
 public:
  Follower(etcd::Range range, DesiredState state)
      : tracker_(std::move(range)), state_(std::move(state)) {}

  /// Each returns the pools whose documents are new.
  std::set<std::string> take(const Listed& listed, Turn& turn);
  void take(const ListFailed& failed, Turn& turn) { tracker_.take(failed, turn); }
  std::set<std::string> take(const WatchHeard& heard, Turn& turn);
  void take(const WatchEnded& ended, Turn& turn) { tracker_.take(ended, turn); }
  void advance(Turn& turn);

  [[nodiscard]] Time due() const { return tracker_.due(); }
  [[nodiscard]] bool is_current() const { return tracker_.is_current(); }
  [[nodiscard]] const std::string& fault() const { return tracker_.fault(); }
  [[nodiscard]] DesiredState& state() { return state_; }
  [[nodiscard]] const DesiredState& state() const { return state_; }

 private:
  Tracker tracker_;
  DesiredState state_;
  std::int64_t known_ = 0;  ///< the state's revision when the list was asked for
};

/// A lease is held as long as etcd said so, counted from when it was asked.
class LeaseKeeper {
 public:
  explicit LeaseKeeper(std::int64_t ttl_s) : ttl_s_(ttl_s) {}

  void take(const LeaseGranted& granted, Turn& turn);
  void take(const GrantFailed& failed, Turn& turn);
  void take(const LeaseKept& kept, Turn& turn);
  void take(const KeepFailed& failed, Turn& turn);
  void lose(std::int64_t lease);
  void advance(Turn& turn);

  [[nodiscard]] Time due() const;
  [[nodiscard]] std::int64_t lease() const { return lease_; }  ///< 0: none
  /// The lease, where it is known to be held at that time; 0: it is not.
  [[nodiscard]] std::int64_t held(Time now) const { return now < held_until_ ? lease_ : 0; }
  [[nodiscard]] const std::string& fault() const { return fault_; }

 private:
  std::int64_t ttl_s_;
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
  static constexpr std::int64_t kTtlS = 15;  ///< of the lease of info and status

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

/// What is wrong, in words for people.
[[nodiscard]] std::string words_for(const etcd::Error& error);

}  // namespace mayfly::coordinator
