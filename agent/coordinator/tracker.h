// One range of keys, followed: listed, then watched from the revision after; whenever the watch
// ends, and now and then, listed anew. Refuses to know what the keys mean. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "agent/coordinator/turn.h"

namespace mayfly::coordinator {

class Tracker {
 public:
  explicit Tracker(etcd::Range range) : range_(std::move(range)) {}

  /// True: it is the list that was asked for. REQUIRES: then watch() in the same step.
  [[nodiscard]] bool take(const Listed& listed, Turn& turn);
  enum class Missed : std::uint8_t { kNothing, kSomething };
  /// Goes on by the watch, or begins another: one that has missed something is not to be trusted.
  void watch(const Listed& listed, Missed missed, Turn& turn);
  void take(const ListFailed& failed, Turn& turn);
  [[nodiscard]] bool is_of(const WatchHeard& heard) const { return heard.number == watch_; }
  void take(const WatchEnded& ended, Turn& turn);
  /// True: a list has been asked for.
  bool advance(Turn& turn);
  /// The next list is soon, though not of all nodes at once.
  void list_soon(Turn& turn);

  [[nodiscard]] Time due() const;
  [[nodiscard]] bool is_current() const { return watch_ != 0 && fault_.empty(); }
  [[nodiscard]] const std::string& fault() const { return fault_; }

 private:
  etcd::Range range_;
  Question list_;
  Time list_at_{};           ///< no list before
  std::uint64_t watch_ = 0;  ///< 0: none
  Retry retry_;
  std::string fault_;  ///< why the last list or watch failed; "": it did not
};

}  // namespace mayfly::coordinator
