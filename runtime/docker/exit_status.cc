#include "runtime/docker/exit_status.h"

#include <algorithm>

namespace mayfly::docker {
namespace {

using namespace std::chrono_literals;
using runtime::FaultKind;
using runtime::State;

// The kernel tells us of an exit some milliseconds before the daemon has heard of it.
constexpr std::chrono::milliseconds kDaemonLag = 1s;
constexpr std::chrono::milliseconds kPollMin = 10ms;

}  // namespace

void ExitStatusCall::look() {
  Call call;
  call.path = container_path(name_, "/json");
  backend_.engine.call(std::move(call), then(this, &ExitStatusCall::judge));
}

void ExitStatusCall::judge(http::Reply inspected) {
  const auto container = is_answer(inspected, 200) ? read_container(inspected->body) : std::nullopt;
  const bool is_foreign =
      container && (container->name != name_ || !backend_.is_ours(container->labels));
  if (is_foreign || is_answer(inspected, 404)) {
    return finish(FaultKind::kNotFound, "there is no container " + name_);
  }
  // "Failed" is kept for what is known to run.
  if (!container) {
    return finish(FaultKind::kUnknown,
                  fault_of(inspected, backend_.doing("ask for an exit status")).what);
  }
  if (container->state != State::kRunning) return finish(container->status);
  if (waited_ >= kDaemonLag) return finish(FaultKind::kFailed, name_ + " still runs");
  // Podman waits by looking itself, and seldom.
  const bool waits = !backend_.engine.facts()->is_podman;
  waits ? wait_briefly(container->id) : look_again_soon();
}

void ExitStatusCall::wait_briefly(const std::string& id) {
  waited_ = kDaemonLag;
  Call call;
  call.method = "POST";
  call.path = container_path(id, "/wait?condition=not-running");
  call.deadline = kDaemonLag;
  // Whatever it says: only the container itself tells whether it runs.
  backend_.engine.call(std::move(call), [this](const http::Reply&) { look(); });
}

void ExitStatusCall::look_again_soon() {
  const auto pause = std::max(kPollMin, waited_);
  waited_ += pause;
  timer_.expires_after(pause);
  timer_.async_wait([this, alive = std::weak_ptr(alive_)](auto error) {
    if (!error && !alive.expired()) look();
  });
}

void ExitStatusCall::finish(runtime::FaultKind kind, std::string what) {
  finish(tl::unexpected(runtime::Fault{kind, std::move(what)}));
}

void ExitStatusCall::finish(runtime::Result<Status> result) {
  auto done = std::move(done_);
  backend_.operations.finish(*this, [&] { done(std::move(result)); });
}

}  // namespace mayfly::docker
