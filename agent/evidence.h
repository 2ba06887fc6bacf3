// What is kept in memory for people: the latest transitions, and histograms with fixed bounds.
// Everything here is bounded, whatever the churn.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "agent/core/core.h"

namespace mayfly::agent {

/// Counts of durations in buckets of 2^(1/8), from 1 µs to over four hours: quantiles within 10 %.
class Histogram {
 public:
  void add(core::Duration value);
  [[nodiscard]] core::Duration quantile(double q) const;  ///< 0 with nothing counted
  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] core::Duration sum() const { return sum_; }
  /// Counted values <= bound.
  [[nodiscard]] std::uint64_t at_most(core::Duration bound) const;

 private:
  static constexpr std::size_t kBuckets = 272;
  std::array<std::uint32_t, kBuckets> buckets_{};
  std::uint64_t count_ = 0;
  core::Duration sum_{};
};

/// Events per second, smoothed over about ten seconds.
class Rate {
 public:
  void add(core::Time now);
  [[nodiscard]] double per_second(core::Time now) const;

 private:
  double value_ = 0;
  core::Time at_{};
};

/// One line of `mayfly events`; `number` rises by one without gaps.
struct NumberedTransition {
  std::uint64_t number = 0;
  std::int64_t unix_ms = 0;
  core::Transition transition;
};

struct PoolEvidence {
  Histogram gap;         ///< respawn gap, with a spare ready or not
  Histogram gap_decide;  ///< end seen → release sent
  Histogram gap_exec;    ///< release sent → the worker's own program runs; 0 after an early exec
  Histogram create;      ///< start asked → gate ready
  Rate respawns;
};

/// Of the images that Mayfly brought in; `kept` and `kept_bytes` as of now.
struct ImageCounters {
  std::uint64_t pulled = 0;
  std::uint64_t pulled_bytes = 0;
  std::uint64_t failed = 0;  ///< pulls
  std::uint64_t removed = 0;
  std::uint64_t kept = 0;
  std::uint64_t kept_bytes = 0;
};

class Evidence {
 public:
  static constexpr std::size_t kTransitionsKept = 4096;

  void add(std::int64_t unix_ms, core::Transition transition);
  /// Those with number > after, at most `limit`.
  [[nodiscard]] std::vector<NumberedTransition> since(std::uint64_t after, std::size_t limit) const;
  [[nodiscard]] std::uint64_t last_number() const { return next_ - 1; }

  PoolEvidence& pool(const core::PoolName& name) { return pools_[name]; }
  [[nodiscard]] const std::map<core::PoolName, PoolEvidence>& pools() const { return pools_; }
  void drop_pool(const core::PoolName& name) { pools_.erase(name); }

  std::map<std::string, Histogram> runtime_ops;  ///< by op: create, remove, list, …
  std::map<std::string, std::uint64_t> leaks;    ///< found and removed, by kind
  ImageCounters images;

 private:
  std::deque<NumberedTransition> transitions_;
  std::map<core::PoolName, PoolEvidence> pools_;
  std::uint64_t next_ = 1;
};

}  // namespace mayfly::agent
