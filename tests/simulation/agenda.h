// Virtual time: what will happen, in the order in which it will. Two happenings of one instant come
// in the order in which they were put down. Time moves only by taking the next happening.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "agent/core/time.h"

namespace mayfly::simulation {

class Agenda {
 public:
  explicit Agenda(core::Time start) : now_(start) {}

  [[nodiscard]] core::Time now() const { return now_; }

  void at(core::Time when, std::function<void()> what) {
    entries_.push_back({std::max(when, now_), ++count_, std::move(what)});
    std::push_heap(entries_.begin(), entries_.end());
  }
  void after(core::Duration delay, std::function<void()> what) {
    at(now_ + delay, std::move(what));
  }

  /// When the next happening is; kNever: there is none.
  [[nodiscard]] core::Time next() const {
    return entries_.empty() ? core::kNever : entries_.front().when;
  }
  /// Time goes on with nothing happening. REQUIRES: nothing is to happen before.
  void pass_until(core::Time when) { now_ = std::max(now_, when); }

  /// Moves time to the next happening and lets it happen. False: there is none.
  bool advance() {
    if (entries_.empty()) return false;
    std::pop_heap(entries_.begin(), entries_.end());
    Entry entry = std::move(entries_.back());
    entries_.pop_back();
    now_ = entry.when;
    entry.what();
    return true;
  }

 private:
  struct Entry {
    core::Time when;
    std::uint64_t number;
    std::function<void()> what;
    bool operator<(const Entry& other) const {
      return std::pair(other.when, other.number) < std::pair(when, number);
    }
  };

  core::Time now_;
  std::uint64_t count_ = 0;
  std::vector<Entry> entries_;
};

}  // namespace mayfly::simulation
