// Reads one table key by key into plain values, and reports all that is wrong with it: wrong kinds,
// values out of range, keys that nobody asked for. A value that is not given, or null, leaves the
// default as it is. Internal to config/.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/report.h"
#include "config/tree.h"

namespace mayfly::config {

template <class T>
struct Range {
  T min;
  T max;
};

/// What is wrong with a text; "" when nothing is. Read after the key: "must be …".
using Check = std::string (*)(std::string_view text);

template <class E>
struct Choice {
  std::string_view name;
  E value;
};

class Section {
 public:
  Section(const Tree& table, Path path, Report& report);

  /// The value, if it is given and not null; the key is known from then on.
  [[nodiscard]] const Tree* find(std::string_view key);

  void text(std::string_view key, std::string& out, Check check);
  void flag(std::string_view key, bool& out);
  void integer(std::string_view key, std::uint32_t& out, Range<std::uint32_t> range);
  bool number(std::string_view key, double& out, Range<double> range);  ///< true: given and good
  void duration(std::string_view key, std::chrono::milliseconds& out,
                Range<std::chrono::milliseconds> range);
  bool size(std::string_view key, std::uint64_t& out, Range<std::uint64_t> range);
  /// A whole number with a percent sign: "15%".
  void percent(std::string_view key, std::uint32_t& out, Range<std::uint32_t> range);
  /// An array of texts, as many bytes in all as `bytes_max`.
  void texts(std::string_view key, std::vector<std::string>& out, Check check,
             std::size_t bytes_max);
  /// A table of texts; added to those in `out`, key by key.
  void map(std::string_view key, std::map<std::string, std::string>& out,
           std::pair<Check, Check> name_and_value, std::size_t bytes_max);

  template <class E, std::size_t N>
  void choice(std::string_view key, E& out, const std::array<Choice<E>, N>& choices) {
    std::array<std::string_view, N> names;
    for (std::size_t i = 0; i < N; ++i) names[i] = choices[i].name;
    if (const auto picked = pick(key, names)) out = choices[*picked].value;
  }
  [[nodiscard]] std::optional<std::size_t> pick(std::string_view key,
                                                std::span<const std::string_view> names);

  void table(std::string_view key, const std::function<void(Section&)>& read);
  /// A table of tables by names, at most `most`.
  void named_tables(std::string_view key, std::pair<Check, std::size_t> name_and_most,
                    const std::function<void(const std::string& name, Section&)>& read);
  /// This table's own members, each a table by its name.
  void members(std::pair<Check, std::size_t> name_and_most,
               const std::function<void(const std::string& name, Section&)>& read);
  /// An array of tables, at most `most`.
  void tables(std::string_view key, std::size_t most, const std::function<void(Section&)>& read);

  /// A key that is not given is a fault.
  void require(std::string_view key);
  /// Each a key and what was read of it: one of the two is nothing without the other.
  void require_both(std::pair<const char*, const std::string&> one,
                    std::pair<const char*, const std::string&> other);
  /// A key of the design that this version does not do: a fault that says so.
  void later(std::string_view key, std::string_view instead);
  /// A fault at the key's value, or at the table when it is not given.
  void complain(std::string_view key, std::string_view what);
  /// Call last: faults for all keys that nobody asked for.
  void finish();

 private:
  [[nodiscard]] const Tree* expect(std::string_view key, std::size_t alternative,
                                   std::string_view wanted);
  bool check_text(const Path& path, const Tree& tree, Check check);
  [[nodiscard]] std::string suggestion(std::string_view unknown) const;

  const Tree& table_;
  Path path_;
  Report& report_;
  std::vector<std::string> known_;
  std::vector<std::string> refused_;
};

}  // namespace mayfly::config
