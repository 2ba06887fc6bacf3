#include "runtime/containerd/list.h"

#include "runtime/containerd/translate.h"

namespace mayfly::containerd {

void ListCall::begin() {
  list_records();
}

/// As a stream, one record a message: in one reply some thousand would exceed what a message may
/// have.
void ListCall::list_records() {
  wire::ListContainersRequest request;
  request.add_filters(owned_filter(backend_.options.owned));
  const auto each = [this](wire::ContainerListed listed) {
    const auto& record = listed.container();
    auto& found = found_[record.id()];
    found.record = true;
    found.container.name = record.id();
    found.container.labels.insert(record.labels().begin(), record.labels().end());
  };
  const auto end = [this](grpc::Channel::Outcome outcome) {
    if (!outcome) return fail(outcome.error(), "list the containers");
    list_snapshots();
  };
  backend_.api.stream(method::kListContainers, request,
                      Api::Receiver<wire::ContainerListed>{each, end, backend_.api.deadline()});
}

void ListCall::list_snapshots() {
  wire::ListSnapshotsRequest request;
  request.set_snapshotter(backend_.options.snapshotter);
  request.add_filters(owned_filter(backend_.options.owned));
  const auto each = [this](wire::SnapshotsListed listed) {
    for (const auto& snapshot : listed.info()) {
      if (!has_our_prefix(snapshot.name())) continue;
      found_[snapshot.name()].container.name = snapshot.name();
    }
  };
  const auto end = [this](grpc::Channel::Outcome outcome) {
    if (!outcome) return fail(outcome.error(), "list the snapshots");
    list_tasks();
  };
  backend_.api.stream(method::kListSnapshots, request,
                      Api::Receiver<wire::SnapshotsListed>{each, end, backend_.api.deadline()});
}

void ListCall::list_tasks() {
  backend_.api.call(method::kListTasks, wire::Empty{},
                    Api::Done<wire::TasksListed>([this](auto reply) {
                      if (!reply) return fail(reply.error(), "list the tasks");
                      take_tasks(std::move(*reply));
                    }));
}

void ListCall::take_tasks(wire::TasksListed tasks) {
  for (const auto& task : tasks.tasks()) {
    const auto& name = task.id().empty() ? task.container_id() : task.id();
    if (!found_.contains(name) && !has_our_prefix(name)) continue;
    auto& found = found_[name];
    found.task = true;
    found.container.name = name;
    found.container.state = state_of(task.status());
    if (found.container.state == runtime::State::kRunning) {
      found.container.pid = static_cast<pid_t>(task.pid());
    }
    if (found.container.state == runtime::State::kStopped) {
      found.container.status = exit_status_of(task.exit_status());
    }
  }
  for (const auto& [name, found] : found_) {
    if (!found.record || !found.task) doubts_.push_back(name);
  }
  look_at_doubts();
}

/// The parts were not read at one instant. Few are seen in part: what is being made or removed
/// right now, and what was left behind.
void ListCall::look_at_doubts() {
  while (!doubts_.empty()) {
    const auto name = std::move(doubts_.back());
    doubts_.pop_back();
    const auto& found = found_.at(name);
    return found.record ? look_for_task(name) : look_for_record(name);
  }
  Containers containers;
  for (auto& [name, found] : found_) {
    found.container.cgroup = backend_.cgroup(name);
    containers.push_back(std::move(found.container));
  }
  finish(std::move(containers));
}

void ListCall::look_for_record(const std::string& name) {
  wire::ContainerId request;
  request.set_id(name);
  backend_.api.call(
      method::kGetContainer, request, Api::Done<wire::ContainerListed>([this, name](auto reply) {
        if (!reply && !is_answer(reply.error(), grpc::Code::kNotFound)) {
          return fail(reply.error(), "read a container");
        }
        if (reply) {
          const auto& labels = reply->container().labels();
          const auto label = labels.find(backend_.options.owned.label);
          if (label == labels.end() || label->second != backend_.options.owned.value) {
            found_.erase(name);
          } else {
            found_[name].container.labels.insert(labels.begin(), labels.end());
          }
        }
        look_at_doubts();
      }));
}

/// containerd leaves a task whose shim does not answer out of the list. Incomplete is only what it
/// says outright to have no task; the rest is taken to run, with a pid that nobody knows.
void ListCall::look_for_task(const std::string& name) {
  wire::TaskId request;
  request.set_container_id(name);
  backend_.api.call(method::kGetTask, request,
                    Api::Done<wire::GetTaskReply>([this, name](auto reply) {
                      auto& container = found_[name].container;
                      if (reply) {
                        const auto& task = reply->process();
                        container.state = state_of(task.status());
                        if (container.state == runtime::State::kRunning)
                          container.pid = static_cast<pid_t>(task.pid());
                        if (container.state == runtime::State::kStopped) {
                          container.status = exit_status_of(task.exit_status());
                        }
                      } else if (reply.error().kind != grpc::Failure::Kind::kAnswered) {
                        return fail(reply.error(), "read a task");
                      } else if (reply.error().code != grpc::Code::kNotFound) {
                        container.state = runtime::State::kRunning;
                      }
                      look_at_doubts();
                    }));
}

void ListCall::fail(const grpc::Failure& failure, const char* doing) {
  finish(tl::unexpected(fault_of(failure, doing)));
}

void ListCall::finish(runtime::Result<Containers> result) {
  auto done = std::move(done_);
  backend_.operations.finish(*this, [&] { done(std::move(result)); });
}

bool ListCall::has_our_prefix(const std::string& name) const {
  const auto& prefix = backend_.options.owned.name_prefix;
  return !prefix.empty() && name.starts_with(prefix);
}

}  // namespace mayfly::containerd
