#include "tests/simulation/swarm.h"

#include <unistd.h>
#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <mutex>
#include <thread>

namespace mayfly::simulation {

namespace {

thread_local std::uint64_t seed_of_thread = 0;

/// An assertion of the core ends the process: say which seed it was. Only async-signal-safe calls.
void tell_seed(int) {
  char digits[24];
  std::size_t at = sizeof digits;
  digits[--at] = '\n';
  std::uint64_t rest = seed_of_thread;
  do {
    digits[--at] = static_cast<char>('0' + rest % 10);
    rest /= 10;
  } while (rest != 0);
  const char text[] = "the core aborted in seed ";
  if (write(STDERR_FILENO, text, sizeof text - 1) > 0) {
    [[maybe_unused]] const auto written = write(STDERR_FILENO, digits + at, sizeof digits - at);
  }
  std::signal(SIGABRT, SIG_DFL);
}

class Swarm {
 public:
  explicit Swarm(const SwarmOptions& options) : options_(options), next_(options.from) {}

  void work() {
    while (!full_) {
      const std::uint64_t seed = next_++;
      if (seed >= options_.from + options_.count) return;
      seed_of_thread = seed;
      World world(seed, Trace::Detail::kSilent);
      add(seed, world.run());
    }
  }

  SwarmOutcome take() {
    std::sort(outcome_.failures.begin(), outcome_.failures.end(),
              [](const Failure& a, const Failure& b) { return a.seed < b.seed; });
    return std::move(outcome_);
  }

 private:
  void add(std::uint64_t seed, const Outcome& of) {
    const std::lock_guard lock(mutex_);
    ++outcome_.worlds;
    outcome_.steps += of.steps;
    outcome_.runs += of.runs;
    outcome_.workers += of.workers;
    outcome_.exits += of.exits;
    outcome_.virtual_hours += std::chrono::duration<double>(of.took).count() / 3600;
    if (of.violation) outcome_.failures.push_back({seed, *of.violation});
    full_ = outcome_.failures.size() >= options_.failures_max;
  }

  const SwarmOptions options_;
  std::atomic<std::uint64_t> next_;
  std::atomic<bool> full_{false};
  std::mutex mutex_;
  SwarmOutcome outcome_;
};

}  // namespace

SwarmOutcome run_swarm(const SwarmOptions& options) {
  std::signal(SIGABRT, tell_seed);
  Swarm swarm(options);
  std::vector<std::thread> threads;
  const unsigned jobs = options.jobs != 0 ? options.jobs : std::thread::hardware_concurrency();
  for (unsigned i = 0; i < std::max(1U, jobs); ++i) {
    threads.emplace_back([&swarm] { swarm.work(); });
  }
  for (std::thread& thread : threads) thread.join();
  return swarm.take();
}

std::string tell(const Failure& failure, std::size_t lines) {
  World world(failure.seed, Trace::Detail::kFull);
  (void)world.run();
  const auto& story = world.trace().lines();
  std::ostringstream out;
  out << "seed " << failure.seed << " at " << seconds(failure.violation.at.time_since_epoch())
      << " violates " << failure.violation.invariant << ": " << failure.violation.text << '\n';
  const std::size_t first = story.size() > lines ? story.size() - lines : 0;
  for (std::size_t i = first; i < story.size(); ++i) out << "  " << story[i] << '\n';
  out << "replay: simulate " << failure.seed << '\n';
  return out.str();
}

}  // namespace mayfly::simulation
