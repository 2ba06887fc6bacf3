#include "runtime/containerd/create.h"

#include "runtime/containerd/remove.h"
#include "runtime/containerd/translate.h"
#include "runtime/undo.h"

namespace mayfly::containerd {
namespace {

constexpr const char* kRuntime = "io.containerd.runc.v2";
constexpr const char* kSpecType = "types.containerd.io/opencontainers/runtime-spec/1/Spec";
constexpr const char* kRuncOptionsType = "containerd.runc.v1.Options";

}  // namespace

void CreateCall::begin() {
  make_record();
}

void CreateCall::make_record() {
  doing_ = "create the container";
  wire::ContainerRequest request;
  auto& record = *request.mutable_container();
  record.set_id(plan_.name);
  record.mutable_labels()->insert(plan_.labels.begin(), plan_.labels.end());
  (*record.mutable_labels())[backend_.options.owned.label] = backend_.options.owned.value;
  record.set_image(plan_.image);
  record.mutable_runtime()->set_name(kRuntime);
  record.mutable_spec()->set_type_url(kSpecType);
  record.mutable_spec()->set_value(plan_.config_json);
  record.set_snapshotter(backend_.options.snapshotter);
  record.set_snapshot_key(plan_.name);
  backend_.api.call(method::kCreateContainer, request, then(this, &CreateCall::make_snapshot));
}

void CreateCall::make_snapshot(wire::Empty) {
  doing_ = "prepare its snapshot";
  made_anything_ = true;
  backend_.made.insert(plan_.name);
  wire::PrepareSnapshotRequest request;
  request.set_snapshotter(backend_.options.snapshotter);
  request.set_key(plan_.name);
  request.set_parent(plan_.snapshot_parent);
  (*request.mutable_labels())[backend_.options.owned.label] = backend_.options.owned.value;
  backend_.api.call(method::kPrepareSnapshot, request, then(this, &CreateCall::make_task));
}

void CreateCall::make_task(wire::SnapshotMounts snapshot) {
  doing_ = "create the task";
  wire::CreateTaskRequest request;
  request.set_container_id(plan_.name);
  *request.mutable_rootfs() = std::move(*snapshot.mutable_mounts());
  if (!backend_.options.runc.empty()) {
    wire::RuncOptions options;
    options.set_binary_name(backend_.options.runc);
    request.mutable_options()->set_type_url(kRuncOptionsType);
    request.mutable_options()->set_value(options.SerializeAsString());
  }
  backend_.api.call(method::kCreateTask, request, then(this, &CreateCall::start_task));
}

void CreateCall::start_task(wire::CreateTaskReply) {
  doing_ = "start the task";
  wire::TaskId request;
  request.set_container_id(plan_.name);
  backend_.api.call(method::kStartTask, request, then(this, &CreateCall::tell_started));
}

void CreateCall::tell_started(wire::StartReply reply) {
  finish(runtime::Started{static_cast<pid_t>(reply.pid()), backend_.cgroup(plan_.name)});
}

void CreateCall::failed(const grpc::Failure& failure) {
  if (is_answer(failure, grpc::Code::kAlreadyExists) && !cleared_) return clear_leftover();
  auto fault = fault_of(failure, doing_);
  // What may have happened is for the next list to find and for the agent to judge.
  if (fault.kind == runtime::FaultKind::kUnknown) return finish(tl::unexpected(std::move(fault)));
  if (!made_anything_) return finish(tl::unexpected(std::move(fault)));
  undo(std::move(fault));
}

/// Something of this name is left from an earlier try. It goes, and this one starts anew, once.
void CreateCall::clear_leftover() {
  cleared_ = true;
  auto cleared = [this](runtime::Result<std::monostate> result) {
    if (!result) return finish(tl::unexpected(std::move(result.error())));
    made_anything_ = false;
    make_record();
  };
  backend_.operations.run(std::make_unique<RemoveCall>(backend_, plan_.name, std::move(cleared)));
}

void CreateCall::undo(runtime::Fault fault) {
  auto undone = [this, fault = std::move(fault)](const runtime::Result<std::monostate>& removed) {
    finish(tl::unexpected(runtime::after_undoing(fault, removed)));
  };
  backend_.operations.run(std::make_unique<RemoveCall>(backend_, plan_.name, std::move(undone)));
}

void CreateCall::finish(runtime::Result<runtime::Started> result) {
  auto done = std::move(done_);
  backend_.operations.finish(*this, [&] { done(std::move(result)); });
}

}  // namespace mayfly::containerd
