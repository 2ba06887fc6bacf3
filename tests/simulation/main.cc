// simulate SEED                              tells the story of one world
// simulate --seeds FROM COUNT [--jobs N]     runs a swarm; exit code 1 if an invariant is violated
//          [--expect INVARIANT]              exit code 0 only if each violation is of it, and one
//          is
#include <cstdlib>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "tests/simulation/swarm.h"

namespace {

using namespace mayfly::simulation;

constexpr std::size_t kLinesTold = 60;

int usage() {
  std::cerr << "usage: simulate SEED\n"
               "       simulate --seeds FROM COUNT [--jobs N] [--expect INVARIANT]\n";
  return 2;
}

bool number(const std::string& text, std::uint64_t& value) {
  char* end = nullptr;
  value = std::strtoull(text.c_str(), &end, 10);
  return !text.empty() && *end == '\0' && text[0] != '-';
}

int replay(std::uint64_t seed) {
  World world(seed, Trace::Detail::kFull);
  const Outcome outcome = world.run();
  for (const std::string& line : world.trace().lines()) std::cout << line << '\n';
  std::cout << "seed " << seed << ": " << outcome.steps << " steps, " << outcome.runs << " runs, "
            << outcome.workers << " workers, " << outcome.exits << " exits, hash " << std::hex
            << world.trace().hash() << std::dec << '\n';
  if (!outcome.violation) return 0;
  std::cout << "violates " << outcome.violation->invariant << ": " << outcome.violation->text
            << '\n';
  return 1;
}

void summarise(const SwarmOutcome& outcome) {
  std::cout << outcome.worlds << " worlds, " << outcome.steps << " steps, " << outcome.runs
            << " runs of the agent, " << outcome.workers << " workers, " << outcome.exits
            << " exits, " << static_cast<std::uint64_t>(outcome.virtual_hours) << " virtual hours, "
            << outcome.failures.size() << " violations\n";
}

/// A planted bug must be caught, and by the checker that is meant for it.
int judge_planted(const SwarmOutcome& outcome, const std::string& expected) {
  std::map<std::string, int> found;
  for (const Failure& failure : outcome.failures) ++found[failure.violation.invariant];
  for (const auto& [invariant, count] : found) std::cout << invariant << ": " << count << '\n';
  if (found[expected] > 0) {
    for (const Failure& failure : outcome.failures) {
      if (failure.violation.invariant != expected) continue;
      std::cout << "e.g. seed " << failure.seed << ": " << failure.violation.text << '\n';
      return 0;
    }
  }
  std::cout << "no world violates " << expected << '\n';
  return 1;
}

int swarm(const SwarmOptions& options, const std::string& expected) {
  const SwarmOutcome outcome = run_swarm(options);
  summarise(outcome);
  if (!expected.empty()) return judge_planted(outcome, expected);
  for (const Failure& failure : outcome.failures) std::cout << tell(failure, kLinesTold) << '\n';
  return outcome.failures.empty() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  std::uint64_t seed = 0;
  if (arguments.size() == 1 && number(arguments[0], seed)) return replay(seed);
  if (arguments.size() < 3 || arguments[0] != "--seeds") return usage();
  SwarmOptions options;
  if (!number(arguments[1], options.from) || !number(arguments[2], options.count)) return usage();
  std::string expected;
  for (std::size_t i = 3; i + 1 < arguments.size(); i += 2) {
    std::uint64_t jobs = 0;
    if (arguments[i] == "--jobs" && number(arguments[i + 1], jobs)) {
      options.jobs = static_cast<unsigned>(jobs);
    } else if (arguments[i] == "--expect") {
      expected = arguments[i + 1];
      options.failures_max = 40;
    } else {
      return usage();
    }
  }
  if (arguments.size() % 2 == 0) return usage();
  return swarm(options, expected);
}
