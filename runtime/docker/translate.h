// Between the Engine API's words and Mayfly's: failures, exit statuses, states. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/container.h"
#include "runtime/http/request.h"
#include "runtime/result.h"

namespace mayfly::docker {

/// What was being done, and with what, for the one line that people read: {"docker", "start it"}.
struct Doing {
  std::string_view runtime;
  std::string_view what;
};

[[nodiscard]] runtime::Fault fault_of(const http::Failure& failure, const Doing& doing);

/// Of an answer that is not the success it should be.
[[nodiscard]] runtime::Fault fault_of(const http::Answer& answer, const Doing& doing);

/// Of a reply that is one of the two.
[[nodiscard]] runtime::Fault fault_of(const http::Reply& reply, const Doing& doing);

/// Docker tells a signal as 128 + its number, like a shell, and so cannot tell a worker killed by
/// SIGKILL from one that called exit(137). It is read as the signal: that is what happens. Who
/// needs to be sure asks the kernel (pidfd, from 6.15).
[[nodiscard]] runtime::ExitStatus exit_status_of(std::int64_t code);

/// A word that is not known is taken to run: it is not given up.
[[nodiscard]] runtime::State state_of(std::string_view status);

/// A create's answer: something of that name is there. Docker says 409, Podman 500 and a text.
[[nodiscard]] bool is_name_taken(const http::Answer& answer);

[[nodiscard]] inline bool is_answer(const http::Reply& reply, int status) {
  return reply && reply->status == status;
}
[[nodiscard]] inline bool is_success(const http::Reply& reply) {
  return reply && reply->status / 100 == 2;
}

}  // namespace mayfly::docker
