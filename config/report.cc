#include "config/report.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace mayfly::config {
namespace {

bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7f;
}

/// One line, whatever was in it: what ends in a terminal must not steer it.
std::string printable(std::string_view text) {
  static constexpr std::string_view kHex = "0123456789abcdef";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (!is_control(c)) {
      out.push_back(c);
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += "\\x";
    out.push_back(kHex[byte >> 4U]);
    out.push_back(kHex[byte & 15U]);
  }
  return out;
}

/// At most `most` bytes, never ending within a UTF-8 character.
std::string_view cut(std::string_view text, std::size_t most) {
  if (text.size() <= most) return text;
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xc0U) == 0x80U) --most;
  return text.substr(0, most);
}

}  // namespace

Path Path::key(std::string_view name) const {
  std::string escaped;
  for (const char c : name) {
    if (c == '~') {
      escaped += "~0";
    } else if (c == '/') {
      escaped += "~1";
    } else {
      escaped.push_back(c);
    }
  }
  const std::string dot = dotted.empty() ? "" : ".";
  return {dotted + dot + std::string{name}, pointer + "/" + escaped};
}

Path Path::item(std::size_t index) const {
  const std::string number = std::to_string(index);
  return {dotted + "[" + number + "]", pointer + "/" + number};
}

void Report::add(const Path& path, Position at, std::string_view what) {
  const std::string& where = style_ == Style::kPointer ? path.pointer : path.dotted;
  const std::string_view shown = cut(where, 120);
  add(fault_at(at, (shown.empty() ? "" : std::string{shown} + ": ") + std::string{what}));
}

void Report::add(Fault fault) {
  if (muted_ > 0) return;
  if (faults_.size() == kFaultsMax) {
    ++dropped_;
    return;
  }
  fault.file = printable(file_);
  fault.what = printable(fault.what);
  faults_.push_back(std::move(fault));
}

Faults Report::take() {
  sort(faults_);
  if (dropped_ > 0) {
    faults_.push_back({.file = printable(file_),
                       .line = 0,
                       .column = 0,
                       .what = "and " + std::to_string(dropped_) + " more faults"});
    dropped_ = 0;
  }
  return std::exchange(faults_, {});
}

void sort(Faults& faults) {
  std::stable_sort(faults.begin(), faults.end(), [](const Fault& left, const Fault& right) {
    return std::tie(left.file, left.line, left.column) <
           std::tie(right.file, right.line, right.column);
  });
}

std::string in_quotes(std::string_view text) {
  static constexpr std::size_t kShown = 60;
  const std::string_view shown = cut(text, kShown);
  return "\"" + printable(shown) + (shown.size() < text.size() ? "…\"" : "\"");
}

std::string to_string(const Fault& fault) {
  std::string text = fault.file;
  if (fault.line != 0) {
    text += ":" + std::to_string(fault.line) + ":" + std::to_string(fault.column);
  }
  return text + ": " + fault.what;
}

}  // namespace mayfly::config
