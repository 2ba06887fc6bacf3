// Between containerd's words and Mayfly's: failures, exit statuses, ownership. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/containerd/containerd.pb.h"
#include "runtime/containerd/grpc/connection.h"
#include "runtime/driver.h"

namespace mayfly::containerd {

/// `doing` is what was being done, for the one line that people read: "start the task".
[[nodiscard]] runtime::Fault fault_of(const grpc::Failure& failure, std::string_view doing);

/// containerd tells a signal as 128 + its number, like a shell, and so cannot tell a worker killed
/// by SIGKILL from one that called exit(137). It is read as the signal: that is what happens. Who
/// needs to be sure asks the kernel (pidfd, from 6.15).
[[nodiscard]] runtime::ExitStatus exit_status_of(std::uint32_t code);

/// "Unknown" is what containerd says of a task whose shim does not answer: it is taken to run.
[[nodiscard]] runtime::State state_of(wire::Task::Status status);

/// containerd's filter expression for objects that carry our label.
[[nodiscard]] std::string owned_filter(const runtime::Ownership& owned);

[[nodiscard]] inline bool is_answer(const grpc::Failure& failure, grpc::Code code) {
  return failure.kind == grpc::Failure::Kind::kAnswered && failure.code == code;
}

}  // namespace mayfly::containerd
