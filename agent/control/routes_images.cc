// Handlers of images: what is here, and how it comes and goes.
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "agent/control/names.h"
#include "agent/control/reply.h"
#include "agent/control/router.h"
#include "agent/control/views.h"

namespace mayfly::control {
namespace {

constexpr std::size_t kNameBytesMax = 512;

/// A line for each step of the pull, then one with the image or the error. The daemon's pull goes
/// on when nobody reads any more.
struct PullFeed {
  using Result = tl::expected<ImageRow, Error>;

  Operations& operations;
  std::string image;
  std::shared_ptr<std::optional<Result>> result;
  std::string last;

  FeedStep operator()() {
    if (result->has_value()) return {final_line(**result), true};
    for (const Pull& pull : operations.pulls()) {
      if (pull.image != image) continue;
      std::string step = render({pull.bytes_done, pull.layers_done, pull.waiting_for});
      if (step == last) return {};
      last = std::move(step);
      return {render(Json{{"pull", pull_view(pull)}}) + "\n", false};
    }
    return {};
  }

  static std::string final_line(const Result& result) {
    if (!result) return refusal_response(result.error()).body;
    return render(Json{{"image", image_view(*result)}}) + "\n";
  }
};

}  // namespace

void get_images(const Call& call) {
  call.operations.images(reply_images(call.respond));
}

void delete_image(const Call& call) {
  const std::string name = call.query("name");
  if (name.empty()) return call.respond(error_response(400, "bad_request", "name is missing"));
  call.operations.remove_image(name, reply_images(call.respond));
}

void post_image_pull(const Call& call) {
  const auto body = parse_object(call.request.body, "name");
  if (!body) return call.respond(body.error());
  const auto name = body->find("name");
  const bool good = name != body->end() && name->is_string() &&
                    !name->get_ref<const std::string&>().empty() &&
                    name->get_ref<const std::string&>().size() <= kNameBytesMax;
  if (!good) {
    return call.respond(error_response(422, "invalid", "name must be an image's reference"));
  }
  PullFeed feed{call.operations, *name, std::make_shared<std::optional<PullFeed::Result>>(), ""};
  call.operations.pull_image(
      feed.image, [result = feed.result](PullFeed::Result image) { *result = std::move(image); });
  Response response;
  response.content_type = "application/x-ndjson";
  response.feed = std::move(feed);
  call.respond(std::move(response));
}

void post_image_gc(const Call& call) {
  const auto body = parse_object(call.request.body, "");
  if (!body) return call.respond(body.error());
  const auto dry_run = parse_flag(call, "dry_run");
  if (!dry_run) return call.respond(dry_run.error());
  using Rows = std::vector<CollectedRow>;
  call.operations.collect_images({*dry_run}, reply_with<Rows>(call.respond, [](const Rows& rows) {
                                   Json images = Json::array();
                                   for (const CollectedRow& row : rows)
                                     images.push_back(collected_view(row));
                                   return Json{{"images", std::move(images)}};
                                 }));
}

void post_image_import(const Call& call) {
  const std::string image = call.query("name");
  call.operations.import_image(call.request.spool_file,
                               image.empty() ? std::nullopt : std::optional(image),
                               reply_images(call.respond));
}

}  // namespace mayfly::control
