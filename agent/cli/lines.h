// Lines out of a stream that is cut anywhere.
#pragma once

#include <string>
#include <string_view>

namespace mayfly::cli {

/// A line longer than the cap is a fault.
class Lines {
 public:
  /// Hands over what is whole by now. False: `take` said so, or a line is too long.
  template <class Take>
  bool feed(std::string_view bytes, Take take) {
    rest_ += bytes;
    std::size_t from = 0;
    while (true) {
      const std::size_t end = rest_.find('\n', from);
      if (end == std::string::npos) break;
      if (!take(std::string_view(rest_).substr(from, end - from))) return false;
      from = end + 1;
    }
    rest_.erase(0, from);
    return rest_.size() <= kLineMax;
  }

 private:
  static constexpr std::size_t kLineMax = 4UL * 1024 * 1024;
  std::string rest_;
};

}  // namespace mayfly::cli
