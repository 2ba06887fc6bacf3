#include "agent/catalog.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "config/load.h"
#include "runtime/oci/digest.h"

namespace mayfly::agent {
namespace {

const KnownRevision* with_number(const std::vector<KnownRevision>& revisions,
                                 std::uint32_t number) {
  const auto found = std::find_if(revisions.begin(), revisions.end(),
                                  [&](const auto& known) { return known.row.number == number; });
  return found == revisions.end() ? nullptr : &*found;
}

/// Of what a revision holds, in hex.
std::string hash_of(const config::Template& worker) {
  constexpr std::size_t kKind = std::string_view("sha256:").size();
  return oci::sha256_digest(config::to_json(worker)).substr(kKind);
}

bool same_image(const std::string& one, const std::string& other) {
  return one.empty() || other.empty() || one == other;
}

}  // namespace

std::vector<std::string> Catalog::restore(const std::vector<store::Revision>& rows) {
  std::vector<std::string> unreadable;
  for (const store::Revision& row : rows) {
    const auto pool = config::parse_pool_json(row.spec);
    if (!pool) {
      unreadable.push_back(row.pool + " revision " + std::to_string(row.number));
      continue;
    }
    retired_[row.pool].push_back({row, pool->worker});
  }
  for (auto& [name, revisions] : retired_) {
    std::sort(revisions.begin(), revisions.end(),
              [](const auto& one, const auto& other) { return one.row.number < other.row.number; });
  }
  return unreadable;
}

CatalogPool* Catalog::find(const std::string& pool) {
  const auto found = pools_.find(pool);
  return found == pools_.end() ? nullptr : &found->second;
}

const CatalogPool* Catalog::find(const std::string& pool) const {
  const auto found = pools_.find(pool);
  return found == pools_.end() ? nullptr : &found->second;
}

const KnownRevision* Catalog::revision(const std::string& pool, core::Revision number) const {
  const auto raw = static_cast<std::uint32_t>(number);
  if (const CatalogPool* entry = find(pool)) return with_number(entry->revisions, raw);
  const auto found = retired_.find(pool);
  return found == retired_.end() ? nullptr : with_number(found->second, raw);
}

store::Revision Catalog::plan(const config::Pool& pool, const std::string& digest,
                              std::int64_t now_ms) const {
  const CatalogPool* entry = find(pool.name);
  const auto retired = retired_.find(pool.name);
  const std::vector<KnownRevision>* revisions = nullptr;
  if (entry != nullptr) revisions = &entry->revisions;
  if (entry == nullptr && retired != retired_.end()) revisions = &retired->second;

  const std::string hash = hash_of(pool.worker);
  const bool any = revisions != nullptr && !revisions->empty();
  if (any) {
    store::Revision newest = revisions->back().row;
    if (newest.hash == hash && same_image(newest.image, digest)) {
      if (newest.image.empty()) newest.image = digest;
      return newest;
    }
  }
  return {.pool = pool.name,
          .number = any ? revisions->back().row.number + 1 : 1,
          .hash = hash,
          .spec = config::to_json(pool),
          .image = digest,
          .created_ms = now_ms};
}

void Catalog::put(const config::Pool& pool, const std::string& source,
                  const store::Revision& revision) {
  CatalogPool& entry = pools_[pool.name];
  if (const auto retired = retired_.extract(pool.name)) entry.revisions = retired.mapped();
  entry.desired = pool;
  entry.source = source;
  if (!entry.revisions.empty() && entry.revisions.back().row.number == revision.number) {
    entry.revisions.back().row.image = revision.image;
    return;
  }
  entry.revisions.push_back({revision, pool.worker});
  if (entry.revisions.size() > kRevisionsKept) entry.revisions.erase(entry.revisions.begin());
}

void Catalog::allot(const std::string& pool, std::optional<Allotment> allotted) {
  allotted_.erase(pool);
  if (allotted) allotted_.emplace(pool, *allotted);
}

std::optional<Allotment> Catalog::allotted(const std::string& pool) const {
  const auto found = allotted_.find(pool);
  return found == allotted_.end() ? std::nullopt : std::optional(found->second);
}

void Catalog::drop(const std::string& pool) {
  allotted_.erase(pool);
  auto entry = pools_.extract(pool);
  if (entry) retired_[pool] = std::move(entry.mapped().revisions);
}

void Catalog::set_image(const std::string& pool, core::Revision number, const std::string& digest) {
  CatalogPool* entry = find(pool);
  if (entry == nullptr) return;
  for (KnownRevision& known : entry->revisions) {
    if (known.row.number == static_cast<std::uint32_t>(number)) known.row.image = digest;
  }
}

core::PoolSettings Catalog::settings(const std::string& pool) const {
  const CatalogPool* entry = find(pool);
  assert(entry != nullptr && !entry->revisions.empty());
  const config::Pool& desired = entry->desired;
  core::PoolSettings settings;
  settings.name = pool;
  const std::optional<Allotment> allotment = allotted(pool);
  settings.replicas = allotment ? allotment->workers : desired.replicas;
  if (allotment) settings.surplus = allotment->surplus;
  settings.standby = desired.standby;
  settings.revision = core::Revision{entry->revisions.back().row.number};
  settings.stop_grace = desired.lifetime.stop_grace;
  settings.spare_age_max = desired.spare_max_age;
  settings.backoff = {.initial = desired.backoff.initial,
                      .factor = desired.backoff.factor,
                      .max = desired.backoff.max,
                      .reset_after = desired.backoff.reset_after};
  settings.paused = entry->paused || entry->paused_by_fleet;
  return settings;
}

}  // namespace mayfly::agent
