#include "tests/simulation/random.h"

#include <algorithm>

namespace mayfly::simulation {

namespace {

std::uint64_t mix(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

}  // namespace

Random::Random(std::uint64_t seed) : state_(mix(seed + 0x632be59bd9b4e019ULL)) {}

std::uint64_t Random::next() {
  state_ += 0x9e3779b97f4a7c15ULL;
  return mix(state_);
}

std::uint64_t Random::below(std::uint64_t bound) {
  return next() % bound;
}

bool Random::chance(double p) {
  return static_cast<double>(next() >> 11) * 0x1p-53 < p;
}

core::Duration Random::between(core::Duration low, core::Duration high) {
  const auto width = static_cast<std::uint64_t>((high - low).count()) + 1;
  return low + core::Duration(static_cast<std::int64_t>(below(width)));
}

core::Duration Random::spread(core::Duration low, core::Duration high) {
  std::uint64_t doublings = 1;
  for (core::Duration top = low * 2; top < high; top *= 2) ++doublings;
  const core::Duration from = low * (std::int64_t{1} << below(doublings));
  return between(from, std::min(from * 2, high));
}

}  // namespace mayfly::simulation
