#include "tests/simulation/trace.h"

#include <cstdio>

namespace mayfly::simulation {

std::string seconds(core::Duration duration) {
  char text[40];
  std::snprintf(text, sizeof text, "%.6f", std::chrono::duration<double>(duration).count());
  return text;
}

void Trace::add(core::Time now, const std::string& text) {
  std::string time = seconds(now.time_since_epoch());
  if (time.size() < 12) time.insert(0, 12 - time.size(), ' ');
  lines_.push_back(time + "  " + text);
}

std::uint64_t Trace::hash() const {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const std::string& line : lines_) {
    for (const char c : line) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
    hash = (hash ^ '\n') * 0x100000001b3ULL;
  }
  return hash;
}

}  // namespace mayfly::simulation
