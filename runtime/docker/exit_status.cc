#include "runtime/docker/exit_status.h"

namespace mayfly::docker {
namespace {

using namespace std::chrono_literals;
using runtime::FaultKind;
using runtime::State;

// The kernel tells us of an exit some milliseconds before the daemon has heard of it.
constexpr auto kDaemonLag = 1s;

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
  if (waited_) return finish(FaultKind::kFailed, name_ + " still runs");
  wait_briefly(container->id);
}

void ExitStatusCall::wait_briefly(const std::string& id) {
  waited_ = true;
  Call call;
  call.method = "POST";
  call.path = container_path(id, "/wait?condition=not-running");
  call.deadline = kDaemonLag;
  // Whatever it says: only the container itself tells whether it runs.
  backend_.engine.call(std::move(call), [this](const http::Reply&) { look(); });
}

void ExitStatusCall::finish(runtime::FaultKind kind, std::string what) {
  finish(tl::unexpected(runtime::Fault{kind, std::move(what)}));
}

void ExitStatusCall::finish(runtime::Result<Status> result) {
  auto done = std::move(done_);
  backend_.operations.finish(*this, [&] { done(std::move(result)); });
}

}  // namespace mayfly::docker
