#include "runtime/docker/images/locate.h"

#include <algorithm>

namespace mayfly::docker {
namespace {

using runtime::Fault;
using runtime::FaultKind;

std::optional<LocalImage> image_in(const http::Reply& reply) {
  return is_answer(reply, 200) ? read_image(reply->body) : std::nullopt;
}

}  // namespace

void Locate::begin() {
  auto names = names_of(wanted_);
  if (!names) return finish(tl::unexpected(Fault{FaultKind::kRefused, std::move(names.error())}));
  located_.names = std::move(*names);
  to_try_ = spellings(located_.names);
  std::ranges::reverse(to_try_);
  look();
}

void Locate::look() {
  Call call;
  if (!to_try_.empty()) {
    call.path = image_path(to_try_.back(), "/json");
    to_try_.pop_back();
    backend_.engine.call(std::move(call), then(this, &Locate::judge));
    return;
  }
  if (located_.names.reference) return not_here();
  // A digest alone may also be what an image was pulled by, and only the list tells that.
  call.path = "/images/json";
  backend_.engine.call(std::move(call), then(this, &Locate::search));
}

void Locate::judge(http::Reply reply) {
  auto image = image_in(reply);
  if (image && is_it(*image, located_.names)) return found(std::move(*image));
  // Docker takes what can be no name of an image for a bad question.
  if (image || is_answer(reply, 404) || is_answer(reply, 400)) return look();
  finish(tl::unexpected(fault_of(reply, backend_.doing("look for the image"))));
}

void Locate::search(http::Reply reply) {
  const auto images = is_answer(reply, 200) ? read_images(reply->body) : std::nullopt;
  if (!images) {
    return finish(tl::unexpected(fault_of(reply, backend_.doing("list the images"))));
  }
  const auto it = std::ranges::find_if(
      *images, [this](const LocalImage& image) { return is_it(image, located_.names); });
  if (it == images->end()) return not_here();
  Call call;
  call.path = image_path(it->id, "/json");
  backend_.engine.call(std::move(call), [this](const http::Reply& inspected) {
    if (auto image = image_in(inspected)) return found(std::move(*image));
    finish(tl::unexpected(fault_of(inspected, backend_.doing("look for the image"))));
  });
}

void Locate::found(LocalImage image) {
  located_.here = std::move(image);
  const bool is_exact = !located_.names.digest.empty();
  const bool asks = registry_.asks != Asks::kNothing && wanted_.pull == runtime::Pull::kAlways;
  if (asks && !is_exact) return ask_registry();
  finish_with(*located_.here);
}

void Locate::not_here() {
  const auto& names = located_.names;
  const bool may_ask = names.reference && wanted_.pull != runtime::Pull::kNever;
  const bool is_exact = !names.digest.empty();
  if (may_ask && is_exact && registry_.asks == Asks::kMeanings) return finish(std::move(located_));
  if (may_ask && registry_.asks != Asks::kNothing) return ask_registry();
  const auto what = names.reference ? names.reference->text() : names.digest;
  finish(tl::unexpected(Fault{FaultKind::kNotFound, "the image is not here: " + what}));
}

void Locate::ask_registry() {
  const auto& names = located_.names;
  const auto name = names.digest.empty() ? names.reference->text() : names.pinned();
  registry_.resolver->resolve(
      name, [this](runtime::Result<registry::Found> found) { asked(std::move(found)); });
}

void Locate::asked(runtime::Result<registry::Found> found) {
  auto& names = located_.names;
  if (!found) {
    // What is here serves where the registry cannot be reached.
    const bool serves = located_.here && found.error().kind == FaultKind::kFailed;
    if (serves) return finish_with(*located_.here);
    return finish(tl::unexpected(std::move(found.error())));
  }
  const bool is_exact = !names.digest.empty();
  if (!is_exact) names.digest = found->digest;
  located_.size_bytes = found->size_bytes;
  located_.is_asked = true;
  if (is_exact) return finish(std::move(located_));
  if (located_.here && is_it(*located_.here, names)) return finish(std::move(located_));
  located_.here.reset();
  look_for_what_it_means();
}

/// The name is not here, or means something else here; what it means at the registry may be, too.
void Locate::look_for_what_it_means() {
  Call call;
  call.path = image_path(located_.names.pinned(), "/json");
  backend_.engine.call(std::move(call), [this](const http::Reply& reply) {
    auto image = image_in(reply);
    if (image && is_it(*image, located_.names)) located_.here = std::move(image);
    finish(std::move(located_));
  });
}

void Locate::finish_with(const LocalImage& image) {
  located_.names.digest = digest_of(image, located_.names);
  located_.size_bytes = image.size_bytes;
  finish(std::move(located_));
}

void Locate::finish(runtime::Result<Located> result) {
  auto done = std::move(done_);
  backend_.operations.finish(*this, [&] { done(std::move(result)); });
}

}  // namespace mayfly::docker
