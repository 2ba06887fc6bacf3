#include "runtime/docker/translate.h"

#include <algorithm>
#include <array>

#include "runtime/docker/answers.h"

namespace mayfly::docker {
namespace {

using runtime::FaultKind;
using runtime::State;

constexpr std::int64_t kSignalOffset = 128;
constexpr std::int64_t kSignalMax = 64;

template <std::size_t count>
bool says_one_of(std::string_view message, const std::array<std::string_view, count>& texts) {
  return std::ranges::any_of(
      texts, [&](auto text) { return message.find(text) != std::string_view::npos; });
}

/// Of a broken wait inside the daemon, not of the thing that was asked for.
bool is_no_answer(std::string_view message) {
  constexpr std::array<std::string_view, 5> kTexts{"context deadline exceeded", "context canceled",
                                                   "ttrpc: closed", "connection refused",
                                                   "transport is closing"};
  return says_one_of(message, kTexts);
}

/// What would be said again, in the texts of Docker and Podman, whose status is 500 for most of it.
bool is_refusal(std::string_view message) {
  constexpr std::array<std::string_view, 6> kTexts{
      "unable to find user",    "no matching entries in passwd file", "unable to find group",
      "unable to find network", "a command that was not found",       "command that could not be"};
  return says_one_of(message, kTexts);
}

FaultKind kind_of(int status, std::string_view message) {
  switch (status) {
    case 400:
    case 401:
    case 403:
    case 405:
    case 406:
    case 415:
    case 501:
      return FaultKind::kRefused;
    case 404:
      return FaultKind::kNotFound;
    case 408:
    case 503:
    case 504:
      return FaultKind::kUnknown;
    default:
      break;
  }
  if (status < 400) return FaultKind::kUnknown;  // no success, and no error either
  if (status < 500) return FaultKind::kFailed;
  if (is_no_answer(message)) return FaultKind::kUnknown;
  return is_refusal(message) ? FaultKind::kRefused : FaultKind::kFailed;
}

std::string line(const Doing& doing, const std::string& message) {
  return std::string(doing.runtime) + ", " + std::string(doing.what) + ": " + message;
}

}  // namespace

runtime::Fault fault_of(const http::Failure& failure, const Doing& doing) {
  const bool not_sent = failure.kind == http::Failure::Kind::kNotSent;
  return {not_sent ? FaultKind::kFailed : FaultKind::kUnknown, line(doing, failure.what)};
}

runtime::Fault fault_of(const http::Answer& answer, const Doing& doing) {
  const auto message =
      answer.status / 100 == 2 ? "an answer that makes no sense" : read_message(answer.body);
  const auto said = message.empty() ? "status " + std::to_string(answer.status) : message;
  return {kind_of(answer.status, message), line(doing, said)};
}

runtime::Fault fault_of(const http::Reply& reply, const Doing& doing) {
  return reply ? fault_of(*reply, doing) : fault_of(reply.error(), doing);
}

runtime::ExitStatus exit_status_of(std::int64_t code) {
  if (code > kSignalOffset && code <= kSignalOffset + kSignalMax) {
    return {static_cast<int>(code), static_cast<int>(code - kSignalOffset)};
  }
  return {static_cast<int>(code), 0};
}

State state_of(std::string_view status) {
  if (status == "created" || status == "configured" || status == "initialized") {
    return State::kIncomplete;
  }
  if (status == "exited" || status == "dead" || status == "stopped" || status == "removing") {
    return State::kStopped;
  }
  return State::kRunning;
}

bool is_name_taken(const http::Answer& answer) {
  return answer.status == 409 ||
         (answer.status == 500 &&
          read_message(answer.body).find("already in use") != std::string::npos);
}

}  // namespace mayfly::docker
