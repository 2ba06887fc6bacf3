// Standard output: what it is (a terminal or not), whether it is painted, whether anybody still
// reads.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace mayfly::cli {

enum class Colour : std::uint8_t { kNone, kGood, kBusy, kBad, kDim, kBold };

class Output {
 public:
  /// Paints on a terminal, unless NO_COLOR is set.
  explicit Output(int fd);

  /// All of it. A reader that has gone is no error: what follows is dropped.
  void write(std::string_view text);
  [[nodiscard]] bool closed() const { return closed_; }
  [[nodiscard]] bool terminal() const { return terminal_; }

  [[nodiscard]] std::string paint(Colour colour, std::string text) const;
  /// Text from workers and users: escaped on a terminal, as it is elsewhere.
  void write_foreign(std::string_view text);

 private:
  int fd_;
  bool terminal_ = false;
  bool colours_ = false;
  bool closed_ = false;
};

}  // namespace mayfly::cli
