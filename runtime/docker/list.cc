#include "runtime/docker/list.h"

#include "runtime/docker/events.h"

namespace mayfly::docker {
namespace {

constexpr std::size_t kAskingMax = 8;

}  // namespace

void ListCall::begin() {
  Call call;
  call.path = "/containers/json?all=1&filters=" +
              http::percent_encoded(owned_filter(backend_.options.owned));
  // Podman serves Docker's list by inspecting each container, and fails for all of them where it
  // cannot inspect one: a container whose removal was broken off has no layer any more.
  call.podman_path = "/libpod" + call.path;
  backend_.engine.call(std::move(call), then(this, &ListCall::take_rows));
}

void ListCall::take_rows(http::Reply reply) {
  auto rows = is_answer(reply, 200) ? read_containers(reply->body) : std::nullopt;
  if (!rows) {
    auto fault = fault_of(reply, backend_.doing("list the containers"));
    return finish(tl::unexpected(std::move(fault)));
  }
  for (auto& row : *rows) take_row(std::move(row));
  ask_for_pids();
}

void ListCall::take_row(Listed row) {
  if (!backend_.is_ours(row.labels)) return;
  Found found;
  found.id = std::move(row.id);
  found.container.name = std::move(row.name);
  found.container.labels = std::move(row.labels);
  found.container.state = row.state;
  found.container.status = row.status;
  found.container.cgroup = backend_.cgroup(found.id);
  found.container.pid = pid_of(found, row);
  const bool runs = row.state == runtime::State::kRunning;
  if (runs && found.container.pid == 0) to_ask_.push_back(found_.size());
  found_.push_back(std::move(found));
}

/// 0: it is to be asked for, or does not run.
pid_t ListCall::pid_of(const Found& found, const Listed& row) {
  const auto& name = found.container.name;
  const auto* known = backend_.known.find(name);
  const bool is_known = known != nullptr && known->id == found.id;
  const auto pid = row.pid == 0 && is_known ? known->pid : row.pid;
  if (known == nullptr || row.pid != 0) backend_.known.keep(name, {found.id, pid});
  return row.state == runtime::State::kRunning ? pid : 0;
}

void ListCall::ask_for_pids() {
  while (!to_ask_.empty() && asking_ < kAskingMax && !fault_) {
    const auto at = to_ask_.back();
    to_ask_.pop_back();
    ++asking_;
    Call call;
    call.path = container_path(found_[at].id, "/json");
    backend_.engine.call(std::move(call),
                         [this, at](const http::Reply& reply) { take_pid(at, reply); });
  }
  if (asking_ > 0) return;
  if (fault_) return finish(tl::unexpected(std::move(*fault_)));
  Containers containers;
  for (auto& found : found_) {
    if (!found.id.empty()) containers.push_back(std::move(found.container));
  }
  finish(std::move(containers));
}

/// The rows were read a moment ago: it may have ended or gone by now.
void ListCall::take_pid(std::size_t at, const http::Reply& reply) {
  --asking_;
  auto& [id, container] = found_[at];
  const auto inspected = is_answer(reply, 200) ? read_container(reply->body) : std::nullopt;
  if (inspected) {
    container.state = inspected->state;
    container.pid = inspected->pid;
    container.status = inspected->status;
    backend_.known.keep(container.name, {id, inspected->pid});
  } else if (is_answer(reply, 404)) {
    id.clear();
  } else if (!fault_) {
    fault_ = fault_of(reply, backend_.doing("read a container"));
  }
  ask_for_pids();
}

void ListCall::finish(runtime::Result<Containers> result) {
  auto done = std::move(done_);
  backend_.operations.finish(*this, [&] { done(std::move(result)); });
}

}  // namespace mayfly::docker
