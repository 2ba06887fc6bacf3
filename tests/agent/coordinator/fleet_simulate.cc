// fleet_simulate SEED                      tells the story of one world
// fleet_simulate FROM COUNT                looks at so many worlds; 1 if one is not as it must be
//                [--expect INVARIANT]      0 only if one violates that
#include <cstdlib>
#include <iostream>
#include <map>
#include <string>

#include "tests/agent/coordinator/fleet_world.h"

namespace {

using namespace mayfly::coordinator;

constexpr int kViolationsMax = 40;

int tell(std::uint64_t seed) {
  FleetWorld world(seed, FleetWorld::Detail::kFull);
  const auto violation = world.run();
  for (const std::string& line : world.story()) std::cout << line << '\n';
  if (violation)
    std::cout << "violates " << violation->invariant << ": " << violation->text << '\n';
  return violation ? 1 : 0;
}

int run(std::uint64_t from, std::uint64_t count, const std::string& expected) {
  std::map<std::string, int> found;
  FleetWorld::Counts all;
  int violations = 0;
  for (std::uint64_t seed = from; seed < from + count && violations < kViolationsMax; ++seed) {
    FleetWorld world(seed);
    const auto violation = world.run();
    all += world.counts();
    if (!violation) continue;
    ++violations;
    if (++found[violation->invariant] > 5) continue;
    std::cout << "seed " << seed << " violates " << violation->invariant << ": " << violation->text
              << '\n';
    if (violation->invariant == expected) return 0;
  }
  std::cout << all.steps << " turns of sessions, " << all.claims << " claims, " << all.releases
            << " releases, " << all.lives << " lives, " << all.runs << " runs of daemons, "
            << violations << " violations\n";
  return expected.empty() && violations == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2) return tell(std::strtoull(argv[1], nullptr, 10));
  if (argc != 3 && !(argc == 5 && std::string(argv[3]) == "--expect")) {
    std::cerr << "usage: fleet_simulate SEED\n"
                 "       fleet_simulate FROM COUNT [--expect INVARIANT]\n";
    return 2;
  }
  return run(std::strtoull(argv[1], nullptr, 10), std::strtoull(argv[2], nullptr, 10),
             argc == 5 ? argv[4] : "");
}
