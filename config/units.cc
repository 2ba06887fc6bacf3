#include "config/units.h"

#include <array>
#include <charconv>
#include <limits>

namespace mayfly::config {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

constexpr std::array<Unit, 5> kDurations{
    {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};

constexpr std::array<Unit, 9> kSizes{{{"TiB", 1ULL << 40},
                                      {"GiB", 1ULL << 30},
                                      {"MiB", 1ULL << 20},
                                      {"KiB", 1ULL << 10},
                                      {"B", 1},
                                      {"TB", 1'000'000'000'000},
                                      {"GB", 1'000'000'000},
                                      {"MB", 1'000'000},
                                      {"KB", 1'000}}};

/// Takes the digits off the front. None: there are none, or they do not fit.
std::optional<std::uint64_t> take_number(std::string_view& text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

std::string_view take_letters(std::string_view& text) {
  const std::string_view letters = text.substr(0, text.find_first_of("0123456789"));
  text.remove_prefix(letters.size());
  return letters;
}

template <std::size_t N>
const Unit* unit_named(const std::array<Unit, N>& units, std::string_view name) {
  for (const Unit& unit : units) {
    if (unit.name == name) return &unit;
  }
  return nullptr;
}

}  // namespace

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
  std::uint64_t total = 0;
  std::uint64_t above = std::numeric_limits<std::uint64_t>::max();
  if (text.empty()) return std::nullopt;
  while (!text.empty()) {
    const auto number = take_number(text);
    if (!number) return std::nullopt;
    const Unit* unit = unit_named(kDurations, take_letters(text));
    if (unit == nullptr || unit->factor >= above) return std::nullopt;
    above = unit->factor;
    std::uint64_t part = 0;
    if (__builtin_mul_overflow(*number, unit->factor, &part) ||
        __builtin_add_overflow(total, part, &total)) {
      return std::nullopt;
    }
  }
  if (total > static_cast<std::uint64_t>(std::chrono::milliseconds::max().count())) {
    return std::nullopt;
  }
  return std::chrono::milliseconds{static_cast<std::int64_t>(total)};
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  const auto number = take_number(text);
  const Unit* unit = unit_named(kSizes, text);
  std::uint64_t bytes = 0;
  if (!number || unit == nullptr || __builtin_mul_overflow(*number, unit->factor, &bytes)) {
    return std::nullopt;
  }
  return bytes;
}

std::optional<std::uint32_t> parse_percent(std::string_view text) {
  const auto number = take_number(text);
  if (!number || text != "%" || *number > std::numeric_limits<std::uint32_t>::max()) {
    return std::nullopt;
  }
  return static_cast<std::uint32_t>(*number);
}

std::string format_duration(std::chrono::milliseconds value) {
  const auto count = static_cast<std::uint64_t>(value.count());
  if (count == 0) return "0s";
  for (const Unit& unit : kDurations) {
    if (unit.name == "d" || count % unit.factor != 0) continue;
    return std::to_string(count / unit.factor) + std::string{unit.name};
  }
  return {};  // not reached: all are multiples of a millisecond
}

std::string format_size(std::uint64_t bytes) {
  if (bytes == 0) return "0B";
  std::string shortest;
  for (const Unit& unit : kSizes) {
    if (bytes % unit.factor != 0) continue;
    std::string text = std::to_string(bytes / unit.factor) + std::string{unit.name};
    if (shortest.empty() || text.size() < shortest.size()) shortest = std::move(text);
  }
  return shortest;
}

}  // namespace mayfly::config
