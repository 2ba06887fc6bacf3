#include "runtime/docker/remove.h"

namespace mayfly::docker {
namespace {

constexpr int kTriesMax = 4;  ///< to remove; between two of them something else is waited for

// Podman's words for a container that ended while it was being killed, and for one whose removal
// was broken off. It forgets the latter all the same.
constexpr const char* kBetweenStates = "container state improper";
constexpr const char* kHalfRemoved = "layer not known";

bool fails_with(const http::Reply& reply, const char* words) {
  return is_answer(reply, 500) && read_message(reply->body).find(words) != std::string::npos;
}

}  // namespace

/// Most often it is one that this driver has made, and one call is enough.
void RemoveCall::begin() {
  const auto* known = backend_.known.find(name_);
  if (known == nullptr) return look();
  id_ = known->id;
  remove();
}

void RemoveCall::look() {
  Call call;
  call.path = container_path(name_, "/json");
  backend_.engine.call(std::move(call), then(this, &RemoveCall::judge));
}

void RemoveCall::judge(http::Reply inspected) {
  if (is_answer(inspected, 404)) return finish(std::monostate{});
  const auto container = is_answer(inspected, 200) ? read_container(inspected->body) : std::nullopt;
  if (!container) return fail(inspected, "read the container");
  // The API takes the beginning of an id for a name, too.
  if (container->name != name_) return finish(std::monostate{});
  if (!backend_.is_ours(container->labels)) {
    return finish(tl::unexpected(runtime::Fault{
        runtime::FaultKind::kRefused, name_ + ": a container of this name is somebody else's"}));
  }
  id_ = container->id;
  remove();
}

void RemoveCall::remove() {
  Call call;
  call.method = "DELETE";
  call.path = container_path(id_, "?v=1&force=1");
  call.when_late = http::WhenLate::kLetFinish;
  backend_.engine.call(std::move(call), then(this, &RemoveCall::removed));
}

void RemoveCall::removed(http::Reply reply) {
  const bool was_known = backend_.known.find(name_) != nullptr;
  if (is_success(reply) || is_answer(reply, 404)) backend_.known.forget(name_);
  if (is_success(reply)) return finish(std::monostate{});
  if (++tries_ < kTriesMax) {
    // Gone; is there a later one of this name?
    if (is_answer(reply, 404)) return was_known ? look() : finish(std::monostate{});
    if (is_answer(reply, 409)) return wait_for("removed");
    if (fails_with(reply, kBetweenStates)) return wait_for("not-running");
    if (fails_with(reply, kHalfRemoved)) return remove();
  }
  fail(reply, "remove the container");
}

/// Somebody is removing it already, or it is about to end.
void RemoveCall::wait_for(const std::string& condition) {
  Call call;
  call.method = "POST";
  call.path = container_path(id_, "/wait?condition=") + condition;
  backend_.engine.call(std::move(call), [this](const http::Reply& reply) {
    if (reply) return look();
    fail(reply, "wait for the container's end");
  });
}

void RemoveCall::fail(const http::Reply& reply, const char* doing) {
  finish(tl::unexpected(fault_of(reply, backend_.doing(doing))));
}

void RemoveCall::finish(runtime::Result<std::monostate> result) {
  auto done = std::move(done_);
  backend_.operations.finish(*this, [&] { done(std::move(result)); });
}

}  // namespace mayfly::docker
