// Which image a wanted one is among those that the daemon has, and by what to ask for it. Pure.
#pragma once

#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "runtime/docker/answers.h"
#include "runtime/image.h"
#include "runtime/registry/reference.h"

namespace mayfly::docker {

struct Names {
  std::optional<registry::Reference> reference;  ///< none: only a digest is known
  std::string digest;                            ///< exactly this one; "" = whatever has the name

  /// Where to pull it from: "host/path@sha256:…". REQUIRES: reference and digest.
  [[nodiscard]] std::string pinned() const { return reference->repository() + "@" + digest; }
};

/// Error: one line; it is neither a reference nor a digest.
[[nodiscard]] tl::expected<Names, std::string> names_of(const runtime::ImageWanted& wanted);

/// What the daemon may have it under, the likeliest first.
[[nodiscard]] std::vector<std::string> spellings(const Names& names);

/// Whether it is the one, and not another that answers to the same spelling.
[[nodiscard]] bool is_it(const LocalImage& image, const Names& names);

/// What Mayfly knows the image by: the digest that it was pulled by under this name, else its id.
[[nodiscard]] std::string digest_of(const LocalImage& image, const Names& names);

/// For a path of the API: all percent-encoded but what a reference is made of.
[[nodiscard]] std::string image_path(const std::string& spelling, const char* rest);

/// One for each name that it has.
[[nodiscard]] std::vector<runtime::Image> named_images(const LocalImage& image);

}  // namespace mayfly::docker
