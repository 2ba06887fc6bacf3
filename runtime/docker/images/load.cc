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
      if (!said.starts_with(prefix) || loaded.names.size() >= kImagesMax) continue;
      loaded.names.push_back(said.substr(prefix.size()));
    }
  };
  lines.take(body, take);
  lines.take("\n", take);  // Podman's last line has no end
  return loaded;
}

void LoadCall::begin() {
  if (const auto fault = fault_of_file(file_); !fault.empty()) return refuse(fault);
  Call call;
  call.method = "POST";
  call.path = "/images/load?quiet=1";
  call.body_file = file_;
  call.deadline = backend_.options.image_deadline;
  backend_.engine.call(std::move(call), then(this, &LoadCall::take_names));
}

void LoadCall::take_names(http::Reply reply) {
  if (!reply) return finish(tl::unexpected(fault_of(reply, backend_.doing("import " + file_))));
  auto loaded = read_loaded(reply->body);
  auto fault = is_success(reply) ? loaded.fault : read_message(reply->body);
  if (!is_success(reply) && fault.empty()) fault = "status " + std::to_string(reply->status);
  if (!fault.empty()) {
    const auto kind = kind_of_import_fault(fault);
    return finish(tl::unexpected(Fault{kind, file_ + ": " + fault}));
  }
  if (loaded.names.empty()) return refuse("it holds no image that the daemon can load");
  loaded_ = loaded.names;
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
  const auto names = names_of({spelling, {}, {}});
  const auto digest = names ? digest_of(*image, *names) : image->id;
  if (!name_) {
    images_.push_back({spelling, digest, image->size_bytes});
    return look_at_next();
  }
  if (image_ && image_->id != image->id) {
    return refuse("it holds several images; they cannot share a name");
  }
  image_ = std::move(image);
  to_look_at_.empty() ? give_name() : look_at_next();
}

/// The name that is asked for takes the place of those that the archive carries.
void LoadCall::give_name() {
  const auto names = names_of({*name_, {}, {}});
  if (!names || !names->reference || names->reference->tag.empty()) {
    return refuse("not a name for an image: " + one_line(*name_));
  }
  to_drop_ = loaded_;
  std::erase_if(to_drop_, [&](const std::string& loaded) {
    const auto each = names_of({loaded, {}, {}});
    return !each || !each->reference || each->reference->text() == names->reference->text();
  });
  Call call;
  call.method = "POST";
  call.path = image_path(image_->id, "/tag?repo=") +
              http::percent_encoded(names->reference->repository()) +
              "&tag=" + http::percent_encoded(names->reference->tag);
  backend_.engine.call(std::move(call), [this, names](const http::Reply& reply) {
    if (!is_success(reply)) {
      return finish(tl::unexpected(fault_of(reply, backend_.doing("name the image"))));
    }
    images_.push_back({*name_, digest_of(*image_, *names), image_->size_bytes});
    drop_next_name();
  });
}

void LoadCall::drop_next_name() {
  if (to_drop_.empty()) return finish(std::move(images_));
  Call call;
  call.method = "DELETE";
  call.path = image_path(to_drop_.back(), "?noprune=1");
  to_drop_.pop_back();
  // A name too many does no harm.
  backend_.engine.call(std::move(call), [this](const http::Reply&) { drop_next_name(); });
}

void LoadCall::refuse(const std::string& why) {
  finish(tl::unexpected(Fault{FaultKind::kRefused, file_ + ": " + why}));
}

void LoadCall::finish(runtime::Result<Images> result) {
  auto done = std::move(done_);
  backend_.operations.finish(*this, [&] { done(std::move(result)); });
}

}  // namespace mayfly::docker
