#include "runtime/docker/images/load.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "runtime/docker/events.h"
#include "runtime/docker/images/trouble.h"
#include "runtime/docker/json.h"

namespace mayfly::docker {
namespace {

using runtime::Fault;
using runtime::FaultKind;

constexpr std::size_t kImagesMax = 256;  ///< of one archive
constexpr std::size_t kLineMax = 64 << 10;

std::string fault_of_file(const std::string& file) {
  struct stat status {};
  if (stat(file.c_str(), &status) != 0 || access(file.c_str(), R_OK) != 0) {
    return std::strerror(errno);
  }
  return S_ISREG(status.st_mode) ? "" : "it is no file";
}

/// Podman says all of them in one line: "a:1,b:2".
void add_names(std::string_view list, Loaded& loaded) {
  while (!list.empty() && loaded.names.size() < kImagesMax) {
    const auto comma = std::min(list.find(','), list.size());
    const auto name = list.substr(0, comma);
    if (!name.empty()) loaded.names.emplace_back(name);
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
}

}  // namespace

Loaded read_loaded(std::string_view body) {
  constexpr std::string_view kName = "Loaded image: ";
  constexpr std::string_view kId = "Loaded image ID: ";
  Loaded loaded;
  Lines lines(kLineMax);
  const auto take = [&](std::string_view line) {
    const auto document = parse(line);
    auto fault = text(member(document, "errorDetail"), "message");
    if (fault.empty()) fault = text(document, "error");
    if (!fault.empty()) loaded.fault = one_line(fault);
    const auto said = one_line(text(document, "stream"));
    for (const auto prefix : {kName, kId}) {
      if (said.starts_with(prefix)) add_names(std::string_view(said).substr(prefix.size()), loaded);
    }
  };
  lines.take(body, take);
  lines.take("\n", take);  // Podman's last line has no end
  return loaded;
}

void LoadCall::begin() {
  if (const auto fault = fault_of_file(asked_.file); !fault.empty()) return refuse(fault);
  readers_.read(asked_.file, asked_.name, [this](tl::expected<LoadPlan, std::string> plan) {
    if (!plan) return refuse(plan.error());
    preface_ = std::move(plan->preface);
    to_ask_for_ = std::move(plan->carried);
    look_at_carried();
  });
}

/// The load will move these names, whosever they are.
void LoadCall::look_at_carried() {
  if (to_ask_for_.empty()) return load();
  Call call;
  call.path = image_path(to_ask_for_.back(), "/json");
  backend_.engine.call(std::move(call), [this](const http::Reply& reply) {
    if (!reply) return finish(tl::unexpected(fault_of(reply, backend_.doing("look for an image"))));
    const auto image = is_answer(reply, 200) ? read_image(reply->body) : std::nullopt;
    // Where it is not known whether somebody has it, nothing may be done to it afterwards.
    if (!image && !is_answer(reply, 404) && !is_answer(reply, 400)) {
      return finish(tl::unexpected(fault_of(reply, backend_.doing("look for an image"))));
    }
    carried_.push_back({std::move(to_ask_for_.back()), image ? image->id : std::string()});
    to_ask_for_.pop_back();
    look_at_carried();
  });
}

void LoadCall::load() {
  Call call;
  call.method = "POST";
  call.path = "/images/load?quiet=1";
  call.body = preface_;
  call.body_file = asked_.file;
  call.deadline = backend_.options.image_deadline;
  backend_.engine.call(std::move(call), then(this, &LoadCall::take_names));
}

void LoadCall::take_names(http::Reply reply) {
  if (!reply) {
    return finish(tl::unexpected(fault_of(reply, backend_.doing("import " + asked_.file))));
  }
  auto loaded = read_loaded(reply->body);
  auto fault = is_success(reply) ? loaded.fault : read_message(reply->body);
  if (!is_success(reply) && fault.empty()) fault = "status " + std::to_string(reply->status);
  if (!fault.empty()) {
    const auto kind = kind_of_import_fault(fault);
    return finish(tl::unexpected(Fault{kind, asked_.file + ": " + fault}));
  }
  if (loaded.names.empty()) return refuse("it holds no image that the daemon can load");
  to_look_at_ = std::move(loaded.names);
  std::ranges::reverse(to_look_at_);
  look_at_next();
}

void LoadCall::look_at_next() {
  if (to_look_at_.empty()) return finish(std::move(images_));
  Call call;
  call.path = image_path(to_look_at_.back(), "/json");
  backend_.engine.call(std::move(call), then(this, &LoadCall::take_image));
}

void LoadCall::take_image(http::Reply reply) {
  auto image = is_answer(reply, 200) ? read_image(reply->body) : std::nullopt;
  if (!image) {
    return finish(tl::unexpected(fault_of(reply, backend_.doing("look for what was imported"))));
  }
  const auto spelling = std::move(to_look_at_.back());
  to_look_at_.pop_back();
  if (asked_.name) {
    image_ = std::move(image);  // there is but one, or the file would have been refused
    return give_name();
  }
  const auto names = names_of({spelling, {}, {}});
  const auto digest = names ? digest_of(*image, *names) : image->id;
  images_.push_back({spelling, digest, image->size_bytes});
  look_at_next();
}

void LoadCall::give_name() {
  const auto names = names_of({*asked_.name, {}, {}});
  if (!names || !names->reference || names->reference->tag.empty()) {
    return refuse("not a name for an image: " + one_line(*asked_.name));
  }
  tag(image_->id, *names->reference, [this, names = *names](const http::Reply& reply) {
    if (!is_success(reply)) {
      return finish(tl::unexpected(fault_of(reply, backend_.doing("name the image"))));
    }
    images_.push_back({*asked_.name, digest_of(*image_, names), image_->size_bytes});
    give_back_next();
  });
}

/// With the last tag of a repository, Docker takes away its digests, too.
bool LoadCall::takes_digests_along(const registry::Reference& name) const {
  if (backend_.engine.facts()->is_podman) return false;
  const auto is_beside = [&](const std::string& spelling) {
    const auto parsed = registry::parse_reference(spelling);
    return parsed && parsed->repository() == name.repository() && parsed->text() != name.text();
  };
  const bool is_last = !is_beside(*asked_.name) && !std::ranges::any_of(image_->tags, is_beside);
  return is_last && std::ranges::any_of(image_->digests, is_beside);
}

/// Nobody is hurt by what of this does not work.
void LoadCall::give_back_next() {
  if (carried_.empty()) return finish(std::move(images_));
  const auto [name, id] = std::move(carried_.back());
  carried_.pop_back();
  const auto next = [this](const http::Reply&) { give_back_next(); };
  if (id == image_->id) return give_back_next();
  const auto reference = registry::parse_reference(name);
  if (!id.empty() && reference) return tag(id, *reference, next);
  if (reference && takes_digests_along(*reference)) return give_back_next();
  Call call;
  call.method = "DELETE";
  call.path = image_path(name, "?noprune=1");
  backend_.engine.call(std::move(call), next);
}

void LoadCall::tag(const std::string& id, const registry::Reference& as, Engine::Done done) {
  Call call;
  call.method = "POST";
  call.path = image_path(id, "/tag?repo=") + http::percent_encoded(as.repository()) +
              "&tag=" + http::percent_encoded(as.tag);
  backend_.engine.call(std::move(call), std::move(done));
}

void LoadCall::refuse(const std::string& why) {
  finish(tl::unexpected(Fault{FaultKind::kRefused, asked_.file + ": " + why}));
}

void LoadCall::finish(runtime::Result<Images> result) {
  auto done = std::move(done_);
  backend_.operations.finish(*this, [&] { done(std::move(result)); });
}

}  // namespace mayfly::docker
