// Durations and sizes as people write them. Strict: a whole number with a unit, nothing else.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mayfly::config {

/// "100ms", "30s", "5m", "6h", "7d", or several, the larger unit first: "1h30m". None: not of that
/// form, or more than fits.
[[nodiscard]] std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

/// "2GiB", "512MB": B, KiB to TiB are powers of 1024, KB to TB of 1000. None as above.
[[nodiscard]] std::optional<std::uint64_t> parse_size(std::string_view text);

/// "15%": a whole number. None: not of that form, or more than fits.
[[nodiscard]] std::optional<std::uint32_t> parse_percent(std::string_view text);

/// Canonical: the largest unit up to hours that divides it. Reads back to the same value. REQUIRES:
/// value >= 0.
[[nodiscard]] std::string format_duration(std::chrono::milliseconds value);

/// Canonical: the shortest text, powers of 1024 first. Reads back to the same value.
[[nodiscard]] std::string format_size(std::uint64_t bytes);

}  // namespace mayfly::config
