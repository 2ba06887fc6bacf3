// Takes an image's name away, and the image with it where nothing else names it.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "runtime/docker/backend.h"
#include "runtime/docker/images/locate.h"
#include "runtime/driver.h"

namespace mayfly::docker {

/// Of what Podman lists: under its digests it shows every name with every digest, and asked to
/// remove one that it never pulled, it removes the image with all its names. Those that it did pull
/// are among the tags.
[[nodiscard]] LocalImage with_own_digests(LocalImage image);

/// What `wanted` has of an image, tags before digests.
[[nodiscard]] std::vector<std::string> spellings_of(const LocalImage& image, const Names& wanted);

class DiscardCall final : public runtime::Operation {
 public:
  DiscardCall(Backend& backend, runtime::ImageWanted wanted, runtime::Done<std::monostate> done)
      : backend_(backend), wanted_(std::move(wanted)), done_(std::move(done)) {}
  void begin() override;

 private:
  void look_at_names(std::string id);
  void plan(LocalImage image);
  void ask_who_needs_it(const std::string& id);
  void drop_next();
  void finish(runtime::Result<std::monostate> result);

  Backend& backend_;
  runtime::ImageWanted wanted_;
  runtime::Done<std::monostate> done_;
  Names names_;
  std::vector<std::string> to_drop_;  ///< the next one last
  bool dropped_ = false;
};

}  // namespace mayfly::docker
