// Which images a node needs and which it may do without. Pure: no I/O, no clock.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/catalog.h"
#include "agent/core/model.h"
#include "agent/store/store.h"
#include "runtime/files/space.h"

namespace mayfly::agent {

enum class UseRole : std::uint8_t {
  kCurrent,   ///< wanted, or what slots are filled with, or what a worker still is of
  kPrevious,  ///< the one before: what a rollback goes to
};

/// A revision whose image must stay.
struct ImageUse {
  std::string pool;
  std::uint32_t revision = 0;
  UseRole role = UseRole::kCurrent;
  std::string name;    ///< as the pool says it
  std::string digest;  ///< "" while it is not known
};

/// In the order of pools and revisions.
[[nodiscard]] std::vector<ImageUse> image_uses(const Catalog& catalog, const core::Model& model);

/// By digest where it is known, else by name.
[[nodiscard]] bool uses_image(const ImageUse& use, const store::Image& image);

struct ImagePolicy {
  std::chrono::milliseconds keep{0};
  std::uint32_t disk_free_min_percent = 0;
};

struct ImageRemoval {
  store::Image image;
  std::string why;
};

/// Those that nothing uses (unused_ms is set) for too long; and, while less of `disk` is free than
/// the policy asks for, others that nothing uses, the longest unused first. `disk` none: unknown,
/// so that age alone decides.
[[nodiscard]] std::vector<ImageRemoval> choose_removals(std::vector<store::Image> images,
                                                        const ImagePolicy& policy,
                                                        std::int64_t now_ms,
                                                        const std::optional<files::Space>& disk);

}  // namespace mayfly::agent
