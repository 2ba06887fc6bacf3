#include "runtime/docker/images/discard.h"

#include <algorithm>

#include "runtime/docker/json.h"

namespace mayfly::docker {

using runtime::Fault;
using runtime::FaultKind;

std::vector<std::string> spellings_of(const LocalImage& image, const Names& wanted) {
  if (!wanted.reference) return {image.id};
  std::vector<std::string> found;
  const auto& tag = wanted.reference->tag;
  for (const auto& spelling : image.tags) {
    const auto parsed = registry::parse_reference(spelling);
    const bool is_tag = parsed && !tag.empty() && parsed->text() == wanted.reference->text();
    if (is_tag) found.push_back(spelling);
  }
  const auto is_same_repository = [&](const std::string& spelling) {
    const auto parsed = registry::parse_reference(spelling);
    return parsed && parsed->repository() == wanted.reference->repository();
  };
  // Its digests go with the last of a repository's tags.
  const auto tags = std::ranges::count_if(image.tags, [&](const std::string& spelling) {
    return spelling.find('@') == std::string::npos && is_same_repository(spelling);
  });
  if (tags > static_cast<std::ptrdiff_t>(found.size())) return found;
  std::ranges::copy_if(image.digests, std::back_inserter(found), is_same_repository);
  return found;
}

void DiscardCall::begin() {
  wanted_.pull = runtime::Pull::kNever;
  auto located = [this](runtime::Result<Located> found) {
    if (!found) return finish(tl::unexpected(std::move(found.error())));
    to_drop_ = spellings_of(*found->here, found->names);
    std::ranges::reverse(to_drop_);
    ask_who_needs_it(*found->here);
  };
  backend_.operations.run(
      std::make_unique<Locate>(backend_, Locate::Registry{}, wanted_, std::move(located)));
}

/// Docker takes a name from an image that a container needs, as long as it has another.
void DiscardCall::ask_who_needs_it(const LocalImage& image) {
  Call call;
  call.path = "/containers/json?all=1&limit=1&filters=" +
              http::percent_encoded(Json{{"ancestor", {image.id}}}.dump());
  backend_.engine.call(std::move(call), [this](const http::Reply& reply) {
    const auto users = is_answer(reply, 200) ? read_containers(reply->body) : std::nullopt;
    if (!users) {
      return finish(tl::unexpected(fault_of(reply, backend_.doing("look who needs the image"))));
    }
    if (users->empty()) return drop_next();
    finish(tl::unexpected(
        Fault{FaultKind::kRefused, "container " + users->front().name + " needs the image"}));
  });
}

void DiscardCall::drop_next() {
  if (to_drop_.empty()) {
    if (dropped_) return finish(std::monostate{});
    return finish(tl::unexpected(Fault{FaultKind::kNotFound, "the image has no such name"}));
  }
  Call call;
  call.method = "DELETE";
  call.path = image_path(to_drop_.back(), "");
  to_drop_.pop_back();
  backend_.engine.call(std::move(call), [this](const http::Reply& reply) {
    // With its tag, Docker has taken its digests away already.
    if (is_success(reply) || is_answer(reply, 404)) {
      dropped_ = true;
      return drop_next();
    }
    auto fault = fault_of(reply, backend_.doing("remove the image"));
    if (is_answer(reply, 409)) fault.kind = FaultKind::kRefused;
    finish(tl::unexpected(std::move(fault)));
  });
}

void DiscardCall::finish(runtime::Result<std::monostate> result) {
  auto done = std::move(done_);
  backend_.operations.finish(*this, [&] { done(std::move(result)); });
}

}  // namespace mayfly::docker
