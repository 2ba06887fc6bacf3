#include "runtime/containerd/translate.h"

#include <gtest/gtest.h>

#include "runtime/containerd/remnants.h"

namespace mayfly::containerd {
namespace {

using grpc::Code;
using grpc::Failure;
using runtime::FaultKind;
using Kind = grpc::Failure::Kind;

FaultKind kind(Kind how, Code code, const char* what = "") {
  return fault_of({how, code, what}, "do it").kind;
}

TEST(Fault, IsUnknownWithoutAnAnswer) {
  EXPECT_EQ(kind(Kind::kNoAnswer, Code::kUnavailable), FaultKind::kUnknown);
  EXPECT_EQ(kind(Kind::kNoAnswer, Code::kNotFound), FaultKind::kUnknown);
}

TEST(Fault, IsUnknownWhenContainerdItselfDoesNotKnow) {
  EXPECT_EQ(kind(Kind::kAnswered, Code::kUnavailable), FaultKind::kUnknown);
  EXPECT_EQ(kind(Kind::kAnswered, Code::kDeadlineExceeded), FaultKind::kUnknown);
  EXPECT_EQ(kind(Kind::kAnswered, Code::kCancelled), FaultKind::kUnknown);
  EXPECT_EQ(kind(Kind::kAnswered, Code::kUnknown, "x: context deadline exceeded: unknown"),
            FaultKind::kUnknown);
  EXPECT_EQ(kind(Kind::kAnswered, Code::kUnknown, "ttrpc: closed: unknown"), FaultKind::kUnknown);
}

TEST(Fault, IsFailedWhenNothingWasSent) {
  EXPECT_EQ(kind(Kind::kNotSent, Code::kUnavailable), FaultKind::kFailed);
}

TEST(Fault, FollowsTheAnswer) {
  EXPECT_EQ(kind(Kind::kAnswered, Code::kNotFound), FaultKind::kNotFound);
  EXPECT_EQ(kind(Kind::kAnswered, Code::kInvalidArgument), FaultKind::kRefused);
  EXPECT_EQ(kind(Kind::kAnswered, Code::kUnimplemented), FaultKind::kRefused);
  EXPECT_EQ(kind(Kind::kAnswered, Code::kUnknown, "runc create failed: no such file: unknown"),
            FaultKind::kFailed);
  EXPECT_EQ(kind(Kind::kAnswered, Code::kFailedPrecondition), FaultKind::kFailed);
}

TEST(Fault, SaysWhatWasBeingDone) {
  EXPECT_EQ(fault_of({Kind::kAnswered, Code::kNotFound, "gone"}, "start the task").what,
            "containerd, start the task: gone");
}

TEST(ExitStatus, ReadsASignalFromAbove128) {
  struct Row {
    std::uint32_t told;
    int code;
    int signal;
  };
  for (const auto& [told, code, signal] :
       {Row{0, 0, 0}, Row{1, 1, 0}, Row{75, 75, 0}, Row{127, 127, 0}, Row{128, 128, 0},
        Row{129, 129, 1}, Row{137, 137, 9}, Row{143, 143, 15}, Row{192, 192, 64}, Row{193, 193, 0},
        Row{255, 255, 0}}) {
    EXPECT_EQ(exit_status_of(told).code, code) << told;
    EXPECT_EQ(exit_status_of(told).signal, signal) << told;
  }
}

TEST(State, TakesWhatIsNotKnownToRun) {
  EXPECT_EQ(state_of(wire::Task::CREATED), runtime::State::kIncomplete);
  EXPECT_EQ(state_of(wire::Task::RUNNING), runtime::State::kRunning);
  EXPECT_EQ(state_of(wire::Task::PAUSED), runtime::State::kRunning);
  EXPECT_EQ(state_of(wire::Task::STOPPED), runtime::State::kStopped);
  EXPECT_EQ(state_of(wire::Task::UNKNOWN), runtime::State::kRunning);
}

TEST(OwnedFilter, QuotesLabelAndValue) {
  EXPECT_EQ(owned_filter({"mayfly.instance", "3fa9", ""}), R"(labels."mayfly.instance"=="3fa9")");
  EXPECT_EQ(owned_filter({"a", R"(x"\y)", ""}), R"(labels."a"=="x\"\\y")");
}

TEST(PlainName, IsOneWordWithoutPaths) {
  for (const auto* good : {"a", "mayfly-3fa9-encode-12-3051", "a.b_c-d", "A9"}) {
    EXPECT_TRUE(is_plain_name(good)) << good;
  }
  for (const auto* bad : {"", ".", "..", "a/b", "../x", "a b", "a\n", ".hidden", "ü"}) {
    EXPECT_FALSE(is_plain_name(bad)) << bad;
  }
  EXPECT_FALSE(is_plain_name(std::string(129, 'x')));
}

}  // namespace
}  // namespace mayfly::containerd
