#include "runtime/containerd/remove.h"

#include <algorithm>
#include <csignal>

#include "runtime/containerd/remnants.h"
#include "runtime/containerd/translate.h"

namespace mayfly::containerd {
namespace {

using grpc::Code;

constexpr int kTriesMax = 4;  ///< to delete a task; between two of them it is killed and waited for

template <class Reply>
bool not_found(const tl::expected<Reply, grpc::Failure>& reply) {
  return !reply && is_answer(reply.error(), Code::kNotFound);
}

bool is_owned(const wire::ContainerRecord& record, const runtime::Ownership& owned) {
  const auto label = record.labels().find(owned.label);
  return label != record.labels().end() && label->second == owned.value;
}

}  // namespace

/// Whose it is need not be asked of what this run itself has made.
void RemoveCall::begin() {
  backend_.made.contains(name_) ? delete_task() : read_record();
}

/// Without a record containerd does not look for a task.
void RemoveCall::read_record() {
  record_read_ = true;
  wire::ContainerId request;
  request.set_id(name_);
  backend_.api.call(
      method::kGetContainer, request, Api::Done<wire::ContainerListed>([this](auto reply) {
        if (not_found(reply)) return look_for_orphan();
        if (!reply) return fail(reply.error(), "read the container");
        if (is_owned(reply->container(), backend_.options.owned)) return delete_task();
        finish(tl::unexpected(runtime::Fault{runtime::FaultKind::kRefused,
                                             "somebody else's container has the name " + name_}));
      }));
}

void RemoveCall::look_for_orphan() {
  backend_.api.call(
      method::kListTasks, wire::Empty{}, Api::Done<wire::TasksListed>([this](auto reply) {
        if (!reply) return fail(reply.error(), "list the tasks");
        const auto& tasks = reply->tasks();
        const bool found = std::any_of(tasks.begin(), tasks.end(), [this](const wire::Task& one) {
          return one.id() == name_ || one.container_id() == name_;
        });
        found ? give_orphan_a_record() : clear_host();
      }));
}

/// containerd deletes a task only through its container.
void RemoveCall::give_orphan_a_record() {
  wire::ContainerRequest request;
  auto& record = *request.mutable_container();
  record.set_id(name_);
  (*record.mutable_labels())[backend_.options.owned.label] = backend_.options.owned.value;
  record.mutable_runtime()->set_name("io.containerd.runc.v2");
  record.mutable_spec()->set_value("{}");
  backend_.api.call(method::kCreateContainer, request, Api::Done<wire::Empty>([this](auto reply) {
                      if (!reply) return fail(reply.error(), "give the orphaned task a record");
                      delete_task();
                    }));
}

void RemoveCall::delete_task() {
  backend_.api.call(
      method::kDeleteTask, task(), Api::Done<wire::Empty>([this](auto reply) {
        if (reply) return remove_snapshot();
        if (not_found(reply)) return record_read_ ? clear_host() : read_record();
        if (reply.error().kind != grpc::Failure::Kind::kAnswered || ++tries_ >= kTriesMax) {
          return fail(reply.error(), "delete the task");
        }
        kill_task();
      }));
}

void RemoveCall::kill_task() {
  wire::KillRequest request;
  request.set_container_id(name_);
  request.set_signal(SIGKILL);
  request.set_all(true);
  backend_.api.call(method::kKillTask, request, Api::Done<wire::Empty>([this](auto reply) {
                      // An answer of any kind: it has ended already, or the next try to delete it
                      // will tell.
                      if (reply || reply.error().kind == grpc::Failure::Kind::kAnswered)
                        return wait_for_its_end();
                      fail(reply.error(), "kill the task");
                    }));
}

void RemoveCall::wait_for_its_end() {
  backend_.api.call(method::kWaitTask, task(), Api::Done<wire::WaitReply>([this](auto reply) {
                      if (reply || reply.error().kind == grpc::Failure::Kind::kAnswered)
                        return delete_task();
                      fail(reply.error(), "wait for the task's end");
                    }));
}

/// It never had a task, or had one that containerd has lost.
void RemoveCall::clear_host() {
  const auto work = [this, options = backend_.options,
                     name = name_](WaitingApi& api) -> Errands::Tell {
    return [this, fault = clear_remnants(options, name, [&] { return api.stopped(); })] {
      if (fault.empty()) return remove_snapshot();
      finish(tl::unexpected(runtime::Fault{runtime::FaultKind::kFailed, fault}));
    };
  };
  if (backend_.errands.run(work)) return;
  fail({grpc::Failure::Kind::kNotSent, Code::kResourceExhausted, "too much work is waiting"},
       "look for remnants");
}

void RemoveCall::remove_snapshot() {
  backend_.api.call(method::kRemoveSnapshot, backend_.snapshot_key(name_),
                    Api::Done<wire::Empty>([this](auto reply) {
                      if (reply || not_found(reply)) return delete_record();
                      fail(reply.error(), "remove its snapshot");
                    }));
}

void RemoveCall::delete_record() {
  wire::ContainerId request;
  request.set_id(name_);
  backend_.api.call(method::kDeleteContainer, request, Api::Done<wire::Empty>([this](auto reply) {
                      if (reply || not_found(reply)) return finish(std::monostate{});
                      fail(reply.error(), "delete the container");
                    }));
}

wire::TaskId RemoveCall::task() const {
  wire::TaskId task;
  task.set_container_id(name_);
  return task;
}

void RemoveCall::fail(const grpc::Failure& failure, const char* doing) {
  finish(tl::unexpected(fault_of(failure, doing)));
}

void RemoveCall::finish(runtime::Result<std::monostate> result) {
  if (result) backend_.made.erase(name_);
  auto done = std::move(done_);
  backend_.operations.finish(*this, [&] { done(std::move(result)); });
}

}  // namespace mayfly::containerd
