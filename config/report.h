// All that is wrong with one file or request, gathered while it is decoded. Internal to config/.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "config/load.h"
#include "config/tree.h"

namespace mayfly::config {

inline constexpr std::size_t kFaultsMax = 100;  ///< of one file; the rest is counted

/// Where a value stands, in both ways of writing it: "mounts[1].source" and "/mounts/1/source".
struct Path {
  std::string dotted;
  std::string pointer;

  [[nodiscard]] Path key(std::string_view name) const;
  [[nodiscard]] Path item(std::size_t index) const;
};

class Report {
 public:
  enum class Style { kDotted, kPointer };

  Report(std::string file, Style style) : file_(std::move(file)), style_(style) {}

  void add(const Path& path, Position at, std::string_view what);
  void add(Fault fault);  ///< one of parse_toml or parse_json

  [[nodiscard]] const std::string& file() const { return file_; }

  /// In the order of their places. Nothing is left here.
  [[nodiscard]] Faults take();

  /// While muted, faults are dropped: for a look at which keys a decoder asks for. They nest.
  void mute() { ++muted_; }
  void unmute() { --muted_; }

  /// Dotted paths of all keys that the decoder asked for, given or not: "resources.cpu".
  std::set<std::string> keys;

 private:
  std::string file_;
  Style style_;
  std::size_t muted_ = 0;
  std::size_t dropped_ = 0;
  Faults faults_;
};

/// Sorts by file, line and column.
void sort(Faults& faults);

/// `text` for a fault: quoted, cut to a sane length, control characters made visible.
[[nodiscard]] std::string in_quotes(std::string_view text);

}  // namespace mayfly::config
