#include "runtime/gate/frames.h"

#include <gtest/gtest.h>

#include "runtime/gate/program/agent_frame.h"

namespace mayfly::gate {
namespace {

/// As the gate's program reads it: the type, then the variables.
std::string read_by_gate(std::string_view line) {
  static Variables variables;
  std::string text;
  switch (parse_agent_frame(line, variables)) {
    case AgentFrame::kStart:
      text = "start";
      break;
    case AgentFrame::kRelease:
      text = "release";
      break;
    case AgentFrame::kInvalid:
      return "invalid";
  }
  for (std::size_t i = 0; i < variables.size(); ++i) text += std::string(" ") + variables[i];
  return text;
}

std::string without_newline(std::string frame) {
  EXPECT_EQ(frame.find('\n'), frame.size() - 1);
  frame.pop_back();
  return frame;
}

TEST(AgentFrames, AreReadByTheGateAsTheAgentWroteThem) {
  EXPECT_EQ(read_by_gate(without_newline(*start_frame({}))), "start");
  EXPECT_EQ(read_by_gate(without_newline(*start_frame({{"A", "1"}}))), "start A=1");
  EXPECT_EQ(read_by_gate(without_newline(*release_frame(3, {}))), "release");
  EXPECT_EQ(read_by_gate(without_newline(*release_frame(3, {{"A", "1"}, {"B", "\"\n\\\u00fc"}}))),
            "release A=1 B=\"\n\\\u00fc");
}

TEST(AgentFrames, CarryAnEnvironmentUpToOneFrame) {
  const std::string frame = *release_frame(0, {{"A", std::string(65'000, 'x')}});
  EXPECT_EQ(read_by_gate(without_newline(frame)).size(), 65'000 + std::string("release A=").size());
  EXPECT_FALSE(release_frame(0, {{"A", std::string(65'530, 'x')}}));
}

TEST(AgentFrames, CarryAsManyVariablesAsTheGateTakes) {
  Environment env;
  for (std::size_t i = 0; i < kEnvironmentMax; ++i) env.emplace_back("V" + std::to_string(i), "1");
  EXPECT_NE(read_by_gate(without_newline(*release_frame(0, env))), "invalid");
  env.emplace_back("ONE_MORE", "1");
  EXPECT_FALSE(release_frame(0, env));
}

TEST(AgentFrames, ReplaceBytesThatAreNotText) {
  EXPECT_EQ(read_by_gate(without_newline(*release_frame(0, {{"A", "\xff"}}))),
            "release A=\xef\xbf\xbd");
}

TEST(AgentFrames, RefuseNamesThatNoProcessCanHave) {
  EXPECT_FALSE(release_frame(0, {{"", "x"}}));
  EXPECT_FALSE(release_frame(0, {{"A=B", "x"}}));
  EXPECT_FALSE(release_frame(0, {{std::string("A\0B", 3), "x"}}));
  EXPECT_FALSE(release_frame(0, {{"A", std::string("x\0y", 3)}}));
}

TEST(AgentFrames, AreRefusedByTheGateWhenTheyAreWrong) {
  for (const char* line : {
           "",
           "x",
           "[]",
           "null",
           "{}",
           R"({"mayfly":1})",
           R"({"type":"release"})",
           R"({"mayfly":2,"type":"release"})",
           R"({"mayfly":"1","type":"release"})",
           R"({"mayfly":1,"type":"hello"})",
           R"({"mayfly":1,"type":["release"]})",
           R"({"mayfly":1,"type":"release"}x)",
           R"({"mayfly":1,"type":"release",})",
           R"({"mayfly":1,"type":"release","env":[]})",
           R"({"mayfly":1,"type":"release","env":{"A":1}})",
           R"({"mayfly":1,"type":"release","env":{"":"1"}})",
           R"({"mayfly":1,"type":"release","env":{"A=B":"1"}})",
           R"({"mayfly":1,"type":"release","env":{"A":"\u0000"}})",
           R"({"mayfly":1,"type":"release","x":[[[[[[[[[[]]]]]]]]]]})",
           "{\"mayfly\":1,\"type\":\"release\",\"env\":{\"A\":\"\xff\"}}",
       }) {
    EXPECT_EQ(read_by_gate(line), "invalid") << line;
  }
}

TEST(AgentFrames, MayHaveMembersThatTheGateDoesNotKnow) {
  EXPECT_EQ(read_by_gate(R"({"mayfly":1,"type":"release","task":{"id":"7"},"env":{"A":""}})"),
            "release A=");
}

TEST(PeerFrames, MayHaveMembersThatTheAgentDoesNotKnow) {
  const auto frame = parse_peer_frame(R"({"task":[1],"mayfly":1,"type":"ready"})");
  ASSERT_TRUE(frame);
  EXPECT_TRUE(std::holds_alternative<Ready>(*frame));
}

TEST(PeerFrames, TellOfFailuresInPrintableCharacters) {
  const auto frame =
      parse_peer_frame(R"({"mayfly":1,"type":"failed","errno":2,"what":"exec \u001b[31m/x\n"})");
  ASSERT_TRUE(frame);
  const auto& failed = std::get<ExecFailed>(*frame);
  EXPECT_EQ(failed.error_number, 2);
  EXPECT_EQ(failed.what, "exec ?[31m/x?");
}

TEST(PeerFrames, TellOfFailuresAtBoundedLength) {
  const auto frame = parse_peer_frame(R"({"mayfly":1,"type":"failed","errno":13,"what":")" +
                                      std::string(3000, 'x') + "\"}");
  ASSERT_TRUE(frame);
  EXPECT_EQ(std::get<ExecFailed>(*frame).what.size(), 512U);
}

TEST(PeerFrames, AreRefusedWhenTheyAreWrong) {
  for (const char* line : {
           "",
           "{",
           "1",
           R"({"mayfly":1.0,"type":"ready"})",
           R"({"mayfly":-1,"type":"ready"})",
           R"({"mayfly":1,"type":1})",
           R"({"mayfly":1,"type":"failed"})",
           R"({"mayfly":1,"type":"failed","errno":0})",
           R"({"mayfly":1,"type":"failed","errno":4096})",
           R"({"mayfly":1,"type":"failed","errno":18446744073709551615})",
           R"({"mayfly":1,"type":"failed","errno":"2"})",
           R"({"mayfly":1,"type":"hello"})",
           R"({"mayfly":1,"type":"hello","hold":1})",
       }) {
    EXPECT_FALSE(parse_peer_frame(line)) << line;
  }
}

TEST(LineBuffer, GivesWholeLinesOnly) {
  LineBuffer buffer;
  buffer.add("one\ntw");
  EXPECT_EQ(buffer.next(), "one");
  EXPECT_EQ(buffer.next(), std::nullopt);
  buffer.add("o\n");
  EXPECT_EQ(buffer.next(), "two");
  EXPECT_TRUE(buffer.empty());
}

TEST(LineBuffer, HasNoRoomForMoreThanOneFrame) {
  LineBuffer buffer;
  EXPECT_EQ(buffer.room(), kPeerFrameBytesMax);
  buffer.add(std::string(kPeerFrameBytesMax, 'x'));
  EXPECT_EQ(buffer.next(), std::nullopt);
  EXPECT_EQ(buffer.room(), 0U);
}

}  // namespace
}  // namespace mayfly::gate
