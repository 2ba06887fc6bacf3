#include "agent/core/pace.h"

#include <algorithm>
#include <string>

#include "agent/core/words.h"

namespace mayfly::core {

namespace {

constexpr std::uint32_t kRecentStarts = 4;
/// What lasts longer than so many starts is the new usual: another image or disk, say.
constexpr std::uint32_t kUsualStarts = 64;
constexpr std::uint32_t kJudgedFrom = 8;
/// Slow from twice the usual time on, until it is less than one and a half again.
constexpr int kSlowHalves = 4;
constexpr int kGoodHalves = 3;

void smooth(Duration& average, Duration sample, std::uint32_t weight) {
  average += (sample - average) / static_cast<Duration::rep>(weight);
}

std::string milliseconds(Duration time) {
  return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(time).count()) +
         " ms";
}

}  // namespace

void count_start(Turn& turn, Duration took) {
  StartPace& pace = turn.model.start_pace;
  pace.counted = std::min(pace.counted + 1, kUsualStarts);
  smooth(pace.recent, took, std::min(pace.counted, kRecentStarts));
  smooth(pace.usual, took, pace.counted);
  if (pace.counted < kJudgedFrom) return;
  const bool slow = 2 * pace.recent > (pace.slow ? kGoodHalves : kSlowHalves) * pace.usual;
  if (slow == pace.slow) return;
  pace.slow = slow;
  tell_node(turn, slow ? words::kStartsSlow : words::kStartsUsual,
            "a start takes " + milliseconds(pace.recent) + ", usually " + milliseconds(pace.usual) +
                ": " + std::to_string(starts_allowed(turn.model.limits, pace)) + " at a time");
}

std::uint32_t starts_allowed(const Limits& limits, const StartPace& pace) {
  const std::uint32_t most = limits.starts_inflight_max;
  return pace.slow ? most / 2 + most % 2 : most;
}

}  // namespace mayfly::core
