// Takes an image's name away, and the image with it where nothing else names it.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "runtime/docker/backend.h"
#include "runtime/docker/images/locate.h"
#include "runtime/driver.h"

namespace mayfly::docker {

/// What `wanted` has of an image, tags before digests.
[[nodiscard]] std::vector<std::string> spellings_of(const LocalImage& image, const Names& wanted);

class DiscardCall final : public runtime::Operation {
 public:
  DiscardCall(Backend& backend, runtime::ImageWanted wanted, runtime::Done<std::monostate> done)
      : backend_(backend), wanted_(std::move(wanted)), done_(std::move(done)) {}
  void begin() override;

 private:
  void ask_who_needs_it(const LocalImage& image);
  void drop_next();
  void finish(runtime::Result<std::monostate> result);

  Backend& backend_;
  runtime::ImageWanted wanted_;
  runtime::Done<std::monostate> done_;
  std::vector<std::string> to_drop_;  ///< the next one last
  bool dropped_ = false;
};

}  // namespace mayfly::docker
