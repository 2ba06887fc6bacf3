// Numbers and foreign text as people read them. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mayfly::cli {

/// "0.71 ms", "12.3 ms", "481 ms", "1.2 s"
[[nodiscard]] std::string human_us(std::int64_t us);
/// "0.4s", "45s", "3m", "5h", "3d"
[[nodiscard]] std::string human_age(std::int64_t ms);
/// "512 B", "21.4 MiB"
[[nodiscard]] std::string human_bytes(std::uint64_t bytes);

/// "30s", "5m", "2h", "250ms"; a bare number is seconds.
[[nodiscard]] std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

/// On one line, with nothing in it that a terminal would obey.
[[nodiscard]] std::string printable(std::string_view text);
/// The same, but lines and tabs stay.
[[nodiscard]] std::string printable_lines(std::string_view text);

/// For one segment of a path or one value of a query.
[[nodiscard]] std::string percent_encoded(std::string_view text);

/// Columns on a terminal, taken as one for each code point.
[[nodiscard]] std::size_t width(std::string_view text);

}  // namespace mayfly::cli
