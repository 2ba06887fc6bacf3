#include "runtime/containerd/translate.h"

#include <algorithm>
#include <array>

namespace mayfly::containerd {
namespace {

using grpc::Code;
using grpc::Failure;
using runtime::FaultKind;

constexpr std::uint32_t kSignalOffset = 128;
constexpr std::uint32_t kSignalMax = 64;

/// Answers that tell of a broken wait inside containerd and not of the thing that was asked for: it
/// answers a passed deadline and a dead shim with UNKNOWN and a text.
bool is_no_answer(const Failure& failure) {
  constexpr std::array kTexts{"context deadline exceeded", "context canceled", "ttrpc: closed",
                              "connection refused", "transport is closing"};
  switch (failure.code) {
    case Code::kCancelled:
    case Code::kDeadlineExceeded:
    case Code::kUnavailable:
    case Code::kDataLoss:
      return true;
    case Code::kUnknown:
    case Code::kInternal:
      return std::ranges::any_of(
          kTexts, [&](auto text) { return failure.what.find(text) != std::string::npos; });
    case Code::kOk:
    case Code::kInvalidArgument:
    case Code::kNotFound:
    case Code::kAlreadyExists:
    case Code::kPermissionDenied:
    case Code::kResourceExhausted:
    case Code::kFailedPrecondition:
    case Code::kAborted:
    case Code::kOutOfRange:
    case Code::kUnimplemented:
    case Code::kUnauthenticated:
      return false;
  }
  return true;
}

FaultKind kind_of(const Failure& failure) {
  if (failure.kind == Failure::Kind::kNotSent) return FaultKind::kFailed;
  if (failure.kind == Failure::Kind::kNoAnswer || is_no_answer(failure)) return FaultKind::kUnknown;
  switch (failure.code) {
    case Code::kNotFound:
      return FaultKind::kNotFound;
    case Code::kInvalidArgument:
    case Code::kOutOfRange:
    case Code::kUnimplemented:
    case Code::kPermissionDenied:
    case Code::kUnauthenticated:
      return FaultKind::kRefused;
    case Code::kOk:
    case Code::kCancelled:
    case Code::kUnknown:
    case Code::kDeadlineExceeded:
    case Code::kAlreadyExists:
    case Code::kResourceExhausted:
    case Code::kFailedPrecondition:
    case Code::kAborted:
    case Code::kInternal:
    case Code::kUnavailable:
    case Code::kDataLoss:
      return FaultKind::kFailed;
  }
  return FaultKind::kUnknown;
}

/// A Go-quoted string, as containerd's filters read it.
std::string quoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char byte : text) {
    if (byte == '"' || byte == '\\') quoted.push_back('\\');
    quoted.push_back(byte);
  }
  return quoted + "\"";
}

}  // namespace

runtime::Fault fault_of(const Failure& failure, std::string_view doing) {
  return {kind_of(failure), "containerd, " + std::string(doing) + ": " + failure.what};
}

runtime::ExitStatus exit_status_of(std::uint32_t code) {
  if (code > kSignalOffset && code <= kSignalOffset + kSignalMax) {
    return {static_cast<int>(code), static_cast<int>(code - kSignalOffset)};
  }
  return {static_cast<int>(code), 0};
}

runtime::State state_of(wire::Task::Status status) {
  if (status == wire::Task::STOPPED) return runtime::State::kStopped;
  if (status == wire::Task::CREATED) return runtime::State::kIncomplete;
  return runtime::State::kRunning;
}

std::string owned_filter(const runtime::Ownership& owned) {
  return "labels." + quoted(owned.label) + "==" + quoted(owned.value);
}

}  // namespace mayfly::containerd
