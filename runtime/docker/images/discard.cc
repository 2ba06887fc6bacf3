#include "runtime/docker/images/discard.h"

#include <algorithm>

#include "runtime/docker/json.h"

namespace mayfly::docker {

using runtime::Fault;
using runtime::FaultKind;

LocalImage with_own_digests(LocalImage image) {
  const auto is_pinned = [](const std::string& name) {
    return name.find('@') != std::string::npos;
  };
  image.digests.clear();
  std::ranges::copy_if(image.tags, std::back_inserter(image.digests), is_pinned);
  std::erase_if(image.tags, is_pinned);
  return image;
}

std::vector<std::string> spellings_of(const LocalImage& image, const Names& wanted) {
  if (!wanted.reference) return {image.id};
  auto tagged = *wanted.reference;
  tagged.digest.clear();
  std::vector<std::string> found;
  std::ranges::copy_if(image.tags, std::back_inserter(found), [&](const std::string& spelling) {
    const auto parsed = registry::parse_reference(spelling);
    return parsed && !tagged.tag.empty() && parsed->text() == tagged.text();
  });
  const auto is_same_repository = [&](const std::string& spelling) {
    const auto parsed = registry::parse_reference(spelling);
    return parsed && parsed->repository() == tagged.repository();
  };
  // By a tag, its digests go with the last of the repository's tags.
  const auto tags = std::ranges::count_if(image.tags, is_same_repository);
  const bool has_others = tags > static_cast<std::ptrdiff_t>(found.size());
  if (has_others && !tagged.tag.empty()) return found;
  std::ranges::copy_if(image.digests, std::back_inserter(found), is_same_repository);
  return found;
}

void DiscardCall::begin() {
  wanted_.pull = runtime::Pull::kNever;
  auto located = [this](runtime::Result<Located> found) {
    if (!found) return finish(tl::unexpected(std::move(found.error())));
    names_ = std::move(found->names);
    if (backend_.engine.facts()->is_podman) return look_at_names(std::move(found->here->id));
    plan(std::move(*found->here));
  };
  backend_.operations.run(
      std::make_unique<Locate>(backend_, Locate::Registry{}, wanted_, std::move(located)));
}

void DiscardCall::look_at_names(std::string id) {
  Call call;
  call.path = "/images/json";
  backend_.engine.call(std::move(call), [this, id = std::move(id)](const http::Reply& reply) {
    auto images = is_answer(reply, 200) ? read_images(reply->body) : std::nullopt;
    if (!images) {
      return finish(tl::unexpected(fault_of(reply, backend_.doing("list the images"))));
    }
    const auto found = std::ranges::find(*images, id, &LocalImage::id);
    if (found == images->end()) {
      return finish(tl::unexpected(Fault{FaultKind::kNotFound, "the image has gone"}));
    }
    plan(with_own_digests(std::move(*found)));
  });
}

void DiscardCall::plan(LocalImage image) {
  to_drop_ = spellings_of(image, names_);
  std::ranges::reverse(to_drop_);
  ask_who_needs_it(image.id);
}

/// Docker takes a name from an image that a container needs, as long as it has another.
void DiscardCall::ask_who_needs_it(const std::string& id) {
  Call call;
  call.path = "/containers/json?all=1&limit=1&filters=" +
              http::percent_encoded(Json{{"ancestor", {id}}}.dump());
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
