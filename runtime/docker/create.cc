#include "runtime/docker/create.h"

#include "runtime/docker/remove.h"
#include "runtime/undo.h"

namespace mayfly::docker {

using runtime::Fault;
using runtime::FaultKind;

void CreateCall::create() {
  Call call;
  call.method = "POST";
  call.path = "/containers/create?name=" + http::percent_encoded(plan_.name);
  call.body = plan_.body;
  call.when_late = http::WhenLate::kLetFinish;
  backend_.engine.call(std::move(call), then(this, &CreateCall::start));
}

void CreateCall::start(http::Reply created) {
  if (created && is_name_taken(*created) && !cleared_) return clear_leftover();
  if (is_answer(created, 201)) id_ = read_created(created->body);
  if (id_.empty()) {
    auto fault = fault_of(created, backend_.doing("create the container"));
    return finish(tl::unexpected(std::move(fault)));
  }
  Call call;
  call.method = "POST";
  call.path = container_path(id_, "/start");
  call.when_late = http::WhenLate::kLetFinish;
  backend_.engine.call(std::move(call), then(this, &CreateCall::read_pid));
}

void CreateCall::read_pid(http::Reply started) {
  if (!is_success(started)) {
    auto fault = fault_of(started, backend_.doing("start the container"));
    // What may have happened is for the next list to find and for the agent to judge.
    if (fault.kind == FaultKind::kUnknown) return finish(tl::unexpected(std::move(fault)));
    // Its image is there; what is not may be a network.
    if (fault.kind == FaultKind::kNotFound) fault.kind = FaultKind::kRefused;
    return undo(std::move(fault));
  }
  Call call;
  call.path = container_path(id_, "/json");
  backend_.engine.call(std::move(call), then(this, &CreateCall::tell_started));
}

void CreateCall::tell_started(http::Reply inspected) {
  const auto container = is_answer(inspected, 200) ? read_container(inspected->body) : std::nullopt;
  if (container) {
    backend_.known.keep(plan_.name, {id_, container->pid});
    return finish(runtime::Started{container->pid, backend_.cgroup(id_)});
  }
  auto fault = fault_of(inspected, backend_.doing("read the container's pid"));
  // It runs: only where somebody else has removed it is that known to be over.
  if (fault.kind == FaultKind::kNotFound) {
    fault.kind = FaultKind::kFailed;
  } else {
    fault.kind = FaultKind::kUnknown;
  }
  finish(tl::unexpected(std::move(fault)));
}

/// Something of this name is left from an earlier try. It goes, if it is ours, and this one starts
/// anew, once.
void CreateCall::clear_leftover() {
  cleared_ = true;
  auto cleared = [this](runtime::Result<std::monostate> result) {
    if (!result) return finish(tl::unexpected(std::move(result.error())));
    create();
  };
  backend_.operations.run(std::make_unique<RemoveCall>(backend_, plan_.name, std::move(cleared)));
}

void CreateCall::undo(Fault fault) {
  backend_.known.keep(plan_.name, {id_, 0});
  auto undone = [this, fault = std::move(fault)](const runtime::Result<std::monostate>& removed) {
    finish(tl::unexpected(runtime::after_undoing(fault, removed)));
  };
  backend_.operations.run(std::make_unique<RemoveCall>(backend_, plan_.name, std::move(undone)));
}

void CreateCall::finish(runtime::Result<runtime::Started> result) {
  auto done = std::move(done_);
  backend_.operations.finish(*this, [&] { done(std::move(result)); });
}

}  // namespace mayfly::docker
