#include "agent/evidence.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace mayfly::agent {
namespace {

constexpr double kBucketsPerDoubling = 8;
constexpr double kRateSeconds = 10;

double to_us(core::Duration duration) {
  return std::chrono::duration<double, std::micro>(duration).count();
}

/// The upper bound of bucket `index`, in µs.
double bound_us(std::size_t index) {
  return std::exp2(static_cast<double>(index) / kBucketsPerDoubling);
}

core::Duration from_us(double us) {
  return core::Duration(static_cast<core::Duration::rep>(us * 1000));
}

/// The first bucket whose bound is not below the value.
std::size_t bucket_of(core::Duration value, std::size_t buckets) {
  const double us = to_us(value);
  if (us <= 1) return 0;
  const double index = std::ceil(std::log2(us) * kBucketsPerDoubling - 1e-9);
  return std::min(static_cast<std::size_t>(index), buckets - 1);
}

}  // namespace

void Histogram::add(core::Duration value) {
  ++buckets_.at(bucket_of(value, kBuckets));
  ++count_;
  sum_ += std::max(value, core::Duration::zero());
}

core::Duration Histogram::quantile(double q) const {
  if (count_ == 0) return {};
  const double rank = std::clamp(q, 0.0, 1.0) * static_cast<double>(count_);
  double seen = 0;
  for (std::size_t i = 0; i < kBuckets; ++i) {
    const double here = buckets_.at(i);
    if (here > 0 && seen + here >= rank) {
      const double low = i == 0 ? 0 : bound_us(i - 1);
      return from_us(low + (bound_us(i) - low) * (rank - seen) / here);
    }
    seen += here;
  }
  return from_us(bound_us(kBuckets - 1));
}

std::uint64_t Histogram::at_most(core::Duration bound) const {
  std::uint64_t counted = 0;
  for (std::size_t i = 0; i < kBuckets && bound_us(i) <= to_us(bound) * (1 + 1e-9); ++i) {
    counted += buckets_.at(i);
  }
  return counted;
}

void Rate::add(core::Time now) {
  value_ = per_second(now) + 1 / kRateSeconds;
  at_ = now;
}

double Rate::per_second(core::Time now) const {
  const double passed = std::chrono::duration<double>(now - at_).count();
  return value_ * std::exp(-std::max(passed, 0.0) / kRateSeconds);
}

void Evidence::add(std::int64_t unix_ms, core::Transition transition) {
  transitions_.push_back({next_++, unix_ms, std::move(transition)});
  if (transitions_.size() > kTransitionsKept) transitions_.pop_front();
}

std::vector<NumberedTransition> Evidence::since(std::uint64_t after, std::size_t limit) const {
  const auto first =
      std::partition_point(transitions_.begin(), transitions_.end(),
                           [&](const NumberedTransition& each) { return each.number <= after; });
  const auto left = static_cast<std::size_t>(transitions_.end() - first);
  return {first, first + static_cast<std::ptrdiff_t>(std::min(limit, left))};
}

}  // namespace mayfly::agent
