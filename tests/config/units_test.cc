#include "config/units.h"

#include <gtest/gtest.h>

#include <array>
#include <random>

namespace mayfly::config {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

TEST(Duration, ReadsWholeNumbersWithUnits) {
  EXPECT_EQ(parse_duration("100ms"), 100ms);
  EXPECT_EQ(parse_duration("30s"), 30s);
  EXPECT_EQ(parse_duration("5m"), 5min);
  EXPECT_EQ(parse_duration("6h"), 6h);
  EXPECT_EQ(parse_duration("7d"), 168h);
  EXPECT_EQ(parse_duration("1h30m"), 90min);
  EXPECT_EQ(parse_duration("1d2h3m4s5ms"), 26h + 3min + 4s + 5ms);
  EXPECT_EQ(parse_duration("0s"), 0s);
  EXPECT_EQ(parse_duration("9223372036854775807ms"), milliseconds::max());
}

TEST(Percent, ReadsAWholeNumberWithItsSign) {
  EXPECT_EQ(parse_percent("15%"), 15U);
  EXPECT_EQ(parse_percent("0%"), 0U);
  EXPECT_EQ(parse_percent("4294967295%"), 4'294'967'295U);
  for (const char* text : {"", "%", "15", "15 %", "-1%", "1.5%", "15%%", "4294967296%", "a%"}) {
    EXPECT_EQ(parse_percent(text), std::nullopt) << text;
  }
}

TEST(Duration, RefusesEverythingElse) {
  for (const char* text : {"",
                           "1",
                           "s",
                           "-1s",
                           "+1s",
                           " 1s",
                           "1s ",
                           "1 s",
                           "1.5s",
                           "1S",
                           "1sec",
                           "1m1h",
                           "1s1s",
                           "1ms1s",
                           "1h30",
                           "0x1s",
                           "1e3s",
                           "9223372036854775808ms",
                           "18446744073709551616ms",
                           "18446744073709551615d",
                           "106751991168d",
                           "9223372036854775807ms1s"}) {
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
  }
}

TEST(Duration, RefusesASumThatOverflows) {
  EXPECT_EQ(parse_duration("106751991167d7h"), milliseconds{9223372036828800000 + 25200000});
  EXPECT_EQ(parse_duration("106751991167d8h"), std::nullopt);
}

TEST(Size, ReadsPowersOf1024AndOf1000) {
  EXPECT_EQ(parse_size("0B"), 0U);
  EXPECT_EQ(parse_size("7B"), 7U);
  EXPECT_EQ(parse_size("64KiB"), 65'536U);
  EXPECT_EQ(parse_size("512MiB"), 536'870'912U);
  EXPECT_EQ(parse_size("2GiB"), 2'147'483'648U);
  EXPECT_EQ(parse_size("1TiB"), 1'099'511'627'776U);
  EXPECT_EQ(parse_size("1KB"), 1'000U);
  EXPECT_EQ(parse_size("512MB"), 512'000'000U);
  EXPECT_EQ(parse_size("2GB"), 2'000'000'000U);
  EXPECT_EQ(parse_size("3TB"), 3'000'000'000'000U);
  EXPECT_EQ(parse_size("18446744073709551615B"), UINT64_MAX);
}

TEST(Size, RefusesEverythingElse) {
  for (const char* text : {"",
                           "1",
                           "B",
                           "1b",
                           "1k",
                           "1K",
                           "2Gi",
                           "512m",
                           "2 GiB",
                           " 2GiB",
                           "2GiB ",
                           "-1B",
                           "+1B",
                           "1.5GiB",
                           "2gib",
                           "2GIB",
                           "1GiB1MiB",
                           "0x10B",
                           "1e3B",
                           "18446744073709551616B",
                           "16777216TiB",
                           "18446744073709551615KiB"}) {
    EXPECT_EQ(parse_size(text), std::nullopt) << text;
  }
}

TEST(Duration, IsWrittenInTheLargestUnitUpToHours) {
  EXPECT_EQ(format_duration(0ms), "0s");
  EXPECT_EQ(format_duration(1500ms), "1500ms");
  EXPECT_EQ(format_duration(30s), "30s");
  EXPECT_EQ(format_duration(90s), "90s");
  EXPECT_EQ(format_duration(168h), "168h");
}

TEST(Size, IsWrittenTheShortestWay) {
  EXPECT_EQ(format_size(0), "0B");
  EXPECT_EQ(format_size(2'147'483'648), "2GiB");
  EXPECT_EQ(format_size(512'000'000), "512MB");
  EXPECT_EQ(format_size(1025), "1025B");
}

TEST(Units, AreReadBackAsTheyWereWritten) {
  std::mt19937_64 random{1};  // fixed: the same values in every run
  for (int i = 0; i < 5'000; ++i) {
    const std::uint64_t value = random() >> (random() % 64);
    const std::uint64_t round = value - value % 1000;
    EXPECT_EQ(parse_size(format_size(value)), value);
    EXPECT_EQ(parse_size(format_size(round)), round);
    const milliseconds duration{static_cast<std::int64_t>(value >> 1U)};
    EXPECT_EQ(parse_duration(format_duration(duration)), duration);
  }
}

}  // namespace
}  // namespace mayfly::config
