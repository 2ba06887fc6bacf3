#include "agent/image_gc.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

namespace mayfly::agent {
namespace {

using Roles = std::map<core::Revision, UseRole>;

/// The highest known below `number`.
core::Revision before(const Catalog& catalog, const std::string& pool, core::Revision number) {
  core::Revision found = core::kNoRevision;
  const CatalogPool* entry = catalog.find(pool);
  if (entry == nullptr) return found;
  for (const KnownRevision& known : entry->revisions) {
    const core::Revision each{known.row.number};
    if (each < number) found = std::max(found, each);
  }
  return found;
}

Roles roles_of(const Catalog& catalog, const core::Pool& pool, const core::Model& model) {
  Roles roles;
  const std::string& name = pool.settings.name;
  for (const core::Revision wanted : {pool.settings.revision, pool.active}) {
    roles.emplace(before(catalog, name, wanted), UseRole::kPrevious);
  }
  for (const core::Revision wanted : {pool.settings.revision, pool.active}) {
    roles[wanted] = UseRole::kCurrent;
  }
  for (const core::WorkerId id : pool.workers) {
    roles[model.workers.at(id).revision] = UseRole::kCurrent;
  }
  return roles;
}

std::string days(std::int64_t ms) {
  const std::int64_t hours = ms / 3'600'000;
  if (hours < 48) return std::to_string(hours) + "h";
  return std::to_string(hours / 24) + "d";
}

bool is_short(files::Space disk, std::uint64_t freed, std::uint32_t min_percent) {
  disk.free_bytes += freed;
  return disk.total_bytes > 0 && files::free_percent(disk) < min_percent;
}

}  // namespace

std::vector<ImageUse> image_uses(const Catalog& catalog, const core::Model& model) {
  std::vector<ImageUse> uses;
  for (const auto& [name, pool] : model.pools) {
    for (const auto& [number, role] : roles_of(catalog, pool, model)) {
      const KnownRevision* known = catalog.revision(name, number);
      if (known == nullptr) continue;
      uses.push_back({name, known->row.number, role, known->worker.image, known->row.image});
    }
  }
  return uses;
}

bool uses_image(const ImageUse& use, const store::Image& image) {
  return use.digest.empty() ? use.name == image.name : use.digest == image.digest;
}

std::vector<ImageRemoval> choose_removals(std::vector<store::Image> images,
                                          const ImagePolicy& policy, std::int64_t now_ms,
                                          const std::optional<files::Space>& disk) {
  std::erase_if(images, [](const store::Image& image) { return !image.unused_ms; });
  std::sort(images.begin(), images.end(), [](const store::Image& one, const store::Image& other) {
    return std::tie(*one.unused_ms, one.name, one.digest) <
           std::tie(*other.unused_ms, other.name, other.digest);
  });
  std::vector<ImageRemoval> removals;
  std::uint64_t freed = 0;
  for (store::Image& image : images) {
    const std::int64_t unused_for = now_ms - *image.unused_ms;
    std::string why;
    if (unused_for >= policy.keep.count()) {
      why = "no pool has needed it for " + days(unused_for);
    } else if (disk && is_short(*disk, freed, policy.disk_free_min_percent)) {
      why = "less than " + std::to_string(policy.disk_free_min_percent) +
            " % of the disk is free, and no pool needs it";
    } else {
      continue;
    }
    freed += image.size_bytes;
    removals.push_back({std::move(image), std::move(why)});
  }
  return removals;
}

}  // namespace mayfly::agent
