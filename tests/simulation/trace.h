// The story of a simulated world, one line per thing that happened. Silent in the swarm: a
// violation is told by running its seed once more with the story on.
#pragma once

#include <cstdint>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "agent/core/time.h"

namespace mayfly::simulation {

class Trace {
 public:
  enum class Detail : std::uint8_t { kSilent, kFull };
  explicit Trace(Detail detail) : detail_(detail) {}

  [[nodiscard]] bool full() const { return detail_ == Detail::kFull; }

  /// Adds a line made of `parts`; they are not even printed when the trace is silent.
  template <class... Parts>
  void note(core::Time now, const Parts&... parts) {
    if (!full()) return;
    std::ostringstream line;
    (line << ... << parts);
    add(now, line.str());
  }

  [[nodiscard]] const std::vector<std::string>& lines() const { return lines_; }
  /// Those since the last call: for a story of several worlds.
  [[nodiscard]] std::vector<std::string> take_lines() { return std::exchange(lines_, {}); }

  /// FNV-1a over all lines.
  [[nodiscard]] std::uint64_t hash() const;

 private:
  void add(core::Time now, const std::string& text);

  Detail detail_;
  std::vector<std::string> lines_;
};

/// "12.345678" seconds.
[[nodiscard]] std::string seconds(core::Duration duration);

}  // namespace mayfly::simulation
