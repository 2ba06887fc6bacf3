#include "agent/evidence.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <random>

namespace mayfly::agent {
namespace {

using namespace std::chrono_literals;

double us(core::Duration duration) {
  return std::chrono::duration<double, std::micro>(duration).count();
}

core::Duration from_us(double value) {
  return std::chrono::duration_cast<core::Duration>(
      std::chrono::duration<double, std::micro>(value));
}

/// The value of that rank in a sorted sample.
double true_quantile(const std::vector<double>& sorted, double q) {
  const double rank = std::ceil(q * static_cast<double>(sorted.size()));
  return sorted.at(static_cast<std::size_t>(std::max(rank, 1.0)) - 1);
}

void expect_quantiles_of(const std::function<double()>& draw) {
  Histogram histogram;
  std::vector<double> sample;
  for (int i = 0; i < 20'000; ++i) {
    sample.push_back(draw());
    histogram.add(from_us(sample.back()));
  }
  std::sort(sample.begin(), sample.end());
  for (const double q : {0.001, 0.1, 0.25, 0.5, 0.9, 0.99, 0.999, 1.0}) {
    const double truth = true_quantile(sample, q);
    EXPECT_NEAR(us(histogram.quantile(q)), truth, truth * 0.1) << q;
  }
}

TEST(Histogram, IsEmptyAtFirst) {
  const Histogram histogram;
  EXPECT_EQ(histogram.count(), 0U);
  EXPECT_EQ(histogram.sum(), 0ns);
  EXPECT_EQ(histogram.quantile(0.5), 0ns);
  EXPECT_EQ(histogram.at_most(1h), 0U);
}

TEST(Histogram, GivesQuantilesWithinTenPercentOfAnyShape) {
  std::mt19937_64 random{7};
  std::lognormal_distribution<double> skewed{6.5, 0.6};
  expect_quantiles_of([&] { return 1 + skewed(random); });
  std::uniform_real_distribution<double> flat{10, 1e6};
  expect_quantiles_of([&] { return flat(random); });
  std::bernoulli_distribution slow{0.02};
  expect_quantiles_of([&] { return slow(random) ? 40'000.0 : 700.0; });
}

TEST(Histogram, GivesQuantilesWithinTenPercentWhereAllValuesAreTheSame) {
  for (double value = 1.01; value < 3.6e9; value *= 1.037) {
    Histogram histogram;
    for (int i = 0; i < 100; ++i) histogram.add(from_us(value));
    for (const double q : {0.01, 0.5, 0.99}) {
      EXPECT_NEAR(us(histogram.quantile(q)), value, value * 0.1) << value << " " << q;
    }
  }
}

TEST(Histogram, TakesValuesBelowAndAboveItsRange) {
  Histogram histogram;
  histogram.add(-5s);
  histogram.add(0ns);
  histogram.add(1ns);
  histogram.add(24h);
  EXPECT_EQ(histogram.count(), 4U);
  EXPECT_EQ(histogram.sum(), 24h + 1ns);
  EXPECT_LE(histogram.quantile(0.5), 1us);
  EXPECT_GE(histogram.quantile(1), 1h);
}

TEST(Histogram, CountsWhatIsAtMostABound) {
  Histogram histogram;
  for (const core::Duration value :
       {core::Duration{10us}, core::Duration{900us}, core::Duration{2ms}, core::Duration{5s}}) {
    histogram.add(value);
  }
  EXPECT_EQ(histogram.at_most(1us), 0U);
  EXPECT_EQ(histogram.at_most(100us), 1U);
  EXPECT_EQ(histogram.at_most(1ms), 2U);
  EXPECT_EQ(histogram.at_most(4ms), 3U);
  EXPECT_EQ(histogram.at_most(1h), 4U);
}

TEST(Rate, ComesToThatOfSteadyEventsAndFades) {
  Rate rate;
  core::Time now{};
  EXPECT_EQ(rate.per_second(now), 0);
  for (int i = 0; i < 2'000; ++i) {
    now += 50ms;
    rate.add(now);
  }
  EXPECT_NEAR(rate.per_second(now), 20, 1);
  EXPECT_LT(rate.per_second(now + 60s), 0.1);
  EXPECT_GE(rate.per_second(now + 1000h), 0);
}

core::Transition transition_of(const std::string& what) {
  core::Transition transition;
  transition.what = what;
  return transition;
}

TEST(Evidence, NumbersTransitionsWithoutGaps) {
  Evidence evidence;
  EXPECT_EQ(evidence.last_number(), 0U);
  EXPECT_TRUE(evidence.since(0, 10).empty());
  for (int i = 1; i <= 5; ++i) evidence.add(i, transition_of(std::to_string(i)));
  EXPECT_EQ(evidence.last_number(), 5U);
  const auto after = evidence.since(2, 2);
  ASSERT_EQ(after.size(), 2U);
  EXPECT_EQ(after[0].number, 3U);
  EXPECT_EQ(after[0].unix_ms, 3);
  EXPECT_EQ(after[0].transition.what, "3");
  EXPECT_EQ(after[1].number, 4U);
  EXPECT_EQ(evidence.since(0, 100).size(), 5U);
  EXPECT_TRUE(evidence.since(5, 100).empty());
  EXPECT_TRUE(evidence.since(77, 100).empty());
}

TEST(Evidence, KeepsTheLatestTransitionsOnly) {
  Evidence evidence;
  const std::uint64_t all = Evidence::kTransitionsKept + 100;
  for (std::uint64_t i = 1; i <= all; ++i) evidence.add(0, transition_of("x"));
  const auto kept = evidence.since(0, SIZE_MAX);
  EXPECT_EQ(kept.size(), Evidence::kTransitionsKept);
  EXPECT_EQ(kept.front().number, 101U);
  EXPECT_EQ(kept.back().number, all);
  EXPECT_EQ(evidence.since(50, 1).at(0).number,
            101U);  // a reader that fell behind goes on from there
}

TEST(Evidence, ForgetsADroppedPool) {
  Evidence evidence;
  evidence.pool("a").gap.add(1ms);
  evidence.pool("b").gap.add(1ms);
  evidence.drop_pool("a");
  EXPECT_EQ(evidence.pools().count("a"), 0U);
  EXPECT_EQ(evidence.pool("a").gap.count(), 0U);
  EXPECT_EQ(evidence.pool("b").gap.count(), 1U);
}

}  // namespace
}  // namespace mayfly::agent
