#include "runtime/containerd/exit_status.h"

#include "runtime/containerd/translate.h"

namespace mayfly::containerd {
namespace {

using namespace std::chrono_literals;

// The kernel tells us of an exit some milliseconds before the shim has told containerd.
constexpr auto kShimLag = 1s;

}  // namespace

void ExitStatusCall::begin() {
  wire::TaskId request;
  request.set_container_id(name_);
  backend_.api.call(method::kGetTask, request, then(this, &ExitStatusCall::read_task));
}

void ExitStatusCall::read_task(wire::GetTaskReply reply) {
  const auto& task = reply.process();
  if (task.status() == wire::Task::STOPPED) return finish(exit_status_of(task.exit_status()));
  if (task.status() == wire::Task::UNKNOWN) {
    return finish(tl::unexpected(
        runtime::Fault{runtime::FaultKind::kUnknown, "the shim of " + name_ + " does not answer"}));
  }
  wait_briefly();
}

void ExitStatusCall::wait_briefly() {
  wire::TaskId request;
  request.set_container_id(name_);
  backend_.api.call(
      method::kWaitTask, request, kShimLag, Api::Done<wire::WaitReply>([this](auto reply) {
        if (reply) return finish(exit_status_of(reply->exit_status()));
        if (reply.error().kind == grpc::Failure::Kind::kAnswered) return failed(reply.error());
        finish(tl::unexpected(runtime::Fault{runtime::FaultKind::kFailed, name_ + " still runs"}));
      }));
}

void ExitStatusCall::failed(const grpc::Failure& failure) {
  if (is_answer(failure, grpc::Code::kNotFound)) return ask_for_record();
  auto fault = fault_of(failure, "ask for an exit status");
  // "Failed" is kept for what is known to run.
  fault.kind = runtime::FaultKind::kUnknown;
  finish(tl::unexpected(std::move(fault)));
}

/// Its task is gone, and the status with it. Is it?
void ExitStatusCall::ask_for_record() {
  wire::ContainerId request;
  request.set_id(name_);
  backend_.api.call(method::kGetContainer, request,
                    Api::Done<wire::ContainerListed>([this](auto reply) {
                      if (reply) return finish(Status{});
                      finish(tl::unexpected(fault_of(reply.error(), "read the container")));
                    }));
}

void ExitStatusCall::finish(runtime::Result<Status> result) {
  auto done = std::move(done_);
  backend_.operations.finish(*this, [&] { done(std::move(result)); });
}

}  // namespace mayfly::containerd
