#include "agent/cli/text.h"

#include <gtest/gtest.h>

#include "agent/cli/table.h"

namespace mayfly::cli {
namespace {

TEST(HumanText, PrintsDurationsAsPeopleReadThem) {
  EXPECT_EQ(human_us(710), "0.71 ms");
  EXPECT_EQ(human_us(12'340), "12.3 ms");
  EXPECT_EQ(human_us(481'000), "481 ms");
  EXPECT_EQ(human_us(1'240'000), "1.2 s");
  EXPECT_EQ(human_age(400), "0.4s");
  EXPECT_EQ(human_age(45'000), "45s");
  EXPECT_EQ(human_age(185'000), "3m");
  EXPECT_EQ(human_age(5 * 3'600'000LL), "5h");
  EXPECT_EQ(human_age(72 * 3'600'000LL), "3d");
  EXPECT_EQ(human_bytes(512), "512 B");
  EXPECT_EQ(human_bytes(22'439'526), "21.4 MiB");
}

TEST(HumanText, ReadsDurations) {
  using namespace std::chrono_literals;
  EXPECT_EQ(parse_duration("30"), 30s);
  EXPECT_EQ(parse_duration("30s"), 30s);
  EXPECT_EQ(parse_duration("250ms"), 250ms);
  EXPECT_EQ(parse_duration("5m"), 5min);
  EXPECT_EQ(parse_duration("2h"), 2h);
  for (const char* text : {"", "s", "-5s", "5x", "5 s", "1.5h", "99999999999s"}) {
    EXPECT_FALSE(parse_duration(text)) << text;
  }
}

TEST(HumanText, DisarmsWhatATerminalWouldObey) {
  EXPECT_EQ(printable("a\x1b[31mb\x07\r\n\tc\x7f"), "a\\x1b[31mb\\x07\\x0d\\n\\tc\\x7f");
  EXPECT_EQ(printable("caf\xc3\xa9 \xe2\x86\x92"), "caf\xc3\xa9 \xe2\x86\x92");
  EXPECT_EQ(printable("\xc2\x9b"
                      "31m"),
            "\\u009b31m");
  EXPECT_EQ(printable_lines("a\n\tb\x1b"), "a\n\tb\\x1b");
}

TEST(HumanText, EncodesNamesForUrls) {
  EXPECT_EQ(percent_encoded("a/b c?d-e_f.g~"), "a%2Fb%20c%3Fd-e_f.g~");
}

TEST(Tables, AlignColumnsByWhatIsSeen) {
  const Output out(-1);
  Table table({{"NAME"}, {"N", Align::kRight}, {"END"}});
  table.add({"caf\xc3\xa9", "5", "x"});
  table.add({"b", "12345", ""});
  EXPECT_EQ(table.render(out),
            "NAME       N   END\n"
            "caf\xc3\xa9       5   x\n"
            "b      12345   -\n");
}

TEST(Tables, DisarmTheirCells) {
  const Output out(-1);
  Table table({{"NAME"}});
  table.add({"a\nb\x1b"});
  EXPECT_EQ(table.render(out), "NAME\na\\nb\\x1b\n");
}

}  // namespace
}  // namespace mayfly::cli
