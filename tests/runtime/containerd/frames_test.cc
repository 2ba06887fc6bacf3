#include "runtime/containerd/grpc/frames.h"

#include <gtest/gtest.h>

namespace mayfly::containerd::grpc {
namespace {

using Messages = std::vector<std::string>;

constexpr std::size_t kMax = 1024;

std::string prefix(char flag, std::uint32_t length) {
  std::string bytes(1, flag);
  for (const int shift : {24, 16, 8, 0}) bytes.push_back(static_cast<char>(length >> shift));
  return bytes;
}

TEST(Frame, PutsALengthBeforeTheMessage) {
  EXPECT_EQ(frame("abc"), prefix(0, 3) + "abc");
  EXPECT_EQ(frame(""), prefix(0, 0));
  EXPECT_EQ(frame(std::string(70'000, 'x')).substr(0, 5), prefix(0, 70'000));
}

TEST(Deframer, TakesWhatFrameMakes) {
  Deframer deframer(kMax);
  EXPECT_EQ(deframer.feed(frame("one") + frame("") + frame("three")),
            (Messages{"one", "", "three"}));
  EXPECT_TRUE(deframer.at_boundary());
}

TEST(Deframer, TakesMessagesByteByByte) {
  Deframer deframer(kMax);
  Messages all;
  for (const char byte : frame("hello") + frame("") + frame("you")) {
    const auto messages = deframer.feed({&byte, 1});
    ASSERT_TRUE(messages);
    all.insert(all.end(), messages->begin(), messages->end());
  }
  EXPECT_EQ(all, (Messages{"hello", "", "you"}));
  EXPECT_TRUE(deframer.at_boundary());
}

TEST(Deframer, KnowsThatItIsInTheMiddle) {
  Deframer inside_prefix(kMax);
  EXPECT_EQ(inside_prefix.feed(frame("abc").substr(0, 2)), Messages());
  EXPECT_FALSE(inside_prefix.at_boundary());
  Deframer inside_message(kMax);
  EXPECT_EQ(inside_message.feed(frame("abc").substr(0, 7)), Messages());
  EXPECT_FALSE(inside_message.at_boundary());
}

TEST(Deframer, TakesAMessageOfTheGreatestLengthAndNoLonger) {
  EXPECT_TRUE(Deframer(kMax).feed(frame(std::string(kMax, 'x'))));
  EXPECT_FALSE(Deframer(kMax).feed(frame(std::string(kMax + 1, 'x'))));
  EXPECT_FALSE(Deframer(kMax).feed(prefix(0, 0xffffffff)));
}

TEST(Deframer, RefusesCompression) {
  for (const char flag : {'\1', '\x7f', '\xff'}) {
    EXPECT_FALSE(Deframer(kMax).feed(prefix(flag, 3) + "abc"));
  }
}

struct Decoding {
  const char* text;
  const char* decoded;
};

TEST(PercentDecode, TakesEscapesAndKeepsTheRest) {
  for (const auto& [text, decoded] : std::initializer_list<Decoding>{
           {"", ""},
           {"plain text", "plain text"},
           {"a%20b", "a b"},
           {"%41%4a%4A", "AJJ"},
           {"100%25", "100%"},
           {"%", "%"},
           {"%4", "%4"},
           {"%zz", "%zz"},
           {"%%41", "%A"},
           {"%+1", "%+1"},
           {"%-1", "%-1"},
           {"% 1", "% 1"},
           {"%e2%82%ac", "\xe2\x82\xac"},
       }) {
    EXPECT_EQ(percent_decode(text), decoded) << text;
  }
}

TEST(PercentDecode, GivesOneLine) {
  EXPECT_EQ(percent_decode("a%0ab%0dc%00d\ne%7f"), "a b c d e ");
}

TEST(PercentDecode, IsBounded) {
  EXPECT_EQ(percent_decode(std::string(100'000, 'x')).size(), kStatusMessageMax);
}

ReplyFields fields(std::initializer_list<std::pair<const char*, const char*>> list) {
  ReplyFields fields;
  for (const auto& [name, value] : list) fields.add(name, value);
  return fields;
}

TEST(ReplyFields, GiveTheStatusOfTheTrailers) {
  const auto status = fields({{":status", "200"},
                              {"content-type", "application/grpc+proto"},
                              {"grpc-status", "5"},
                              {"grpc-message", "not%20here"}})
                          .status();
  ASSERT_TRUE(status);
  EXPECT_EQ(status->code, Code::kNotFound);
  EXPECT_EQ(status->message, "not here");
}

TEST(ReplyFields, SayNothingOfAReplyThatEndsWithoutAStatus) {
  EXPECT_FALSE(fields({}).status());
  EXPECT_FALSE(fields({{":status", "200"}}).status());
  EXPECT_FALSE(fields({{":status", "200"}, {"content-type", "application/grpc"}}).status());
  EXPECT_FALSE(fields({{":status", "200"}, {"grpc-status", "0"}}).status());
  EXPECT_FALSE(fields({{"content-type", "application/grpc"}, {"grpc-status", "0"}}).status());
  EXPECT_FALSE(
      fields({{":status", "200"}, {"content-type", "application/grpc"}, {"grpc-status", "zero"}})
          .status());
  EXPECT_FALSE(
      fields({{":status", "200"}, {"content-type", "text/html"}, {"grpc-status", "0"}}).status());
}

TEST(ReplyFields, MapWhatIsNoGrpc) {
  EXPECT_EQ(fields({{":status", "503"}}).status()->code, Code::kUnavailable);
  EXPECT_EQ(fields({{":status", "404"}}).status()->code, Code::kUnimplemented);
  EXPECT_EQ(fields({{":status", "418"}}).status()->code, Code::kUnknown);
}

TEST(ReplyFields, TakeAnUnheardOfCodeAsUnknown) {
  const auto status =
      fields({{":status", "200"}, {"content-type", "application/grpc"}, {"grpc-status", "99"}})
          .status();
  ASSERT_TRUE(status);
  EXPECT_EQ(status->code, Code::kUnknown);
}

}  // namespace
}  // namespace mayfly::containerd::grpc
