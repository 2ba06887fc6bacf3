// What the pools of this node are to be: their documents, where each came from, and their
// revisions. The core knows a revision by its number; what is in it is looked up here. Pure
// bookkeeping: no I/O.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/core/ids.h"
#include "agent/core/settings.h"
#include "agent/store/store.h"
#include "config/document.h"

namespace mayfly::agent {

struct KnownRevision {
  store::Revision row;
  config::Template worker;
};

/// What this node runs of a pool, where that is not for the pool's own document to say.
struct Allotment {
  std::uint32_t workers = 0;
  core::Surplus surplus = core::Surplus::kAwaited;
  bool operator==(const Allotment&) const = default;
};

struct CatalogPool {
  config::Pool desired;
  std::string source;                    ///< the file that defines it; "" = given through the API
  bool paused = false;                   ///< by this node's own operators
  bool paused_by_fleet = false;          ///< by the document of its key
  std::vector<KnownRevision> revisions;  ///< the newest last, at most kRevisionsKept
};

class Catalog {
 public:
  static constexpr std::size_t kRevisionsKept = 10;

  /// Rebuilds revisions from the store. Rows that cannot be read are left out and named.
  [[nodiscard]] std::vector<std::string> restore(const std::vector<store::Revision>& rows);

  [[nodiscard]] CatalogPool* find(const std::string& pool);
  [[nodiscard]] const CatalogPool* find(const std::string& pool) const;
  [[nodiscard]] const std::map<std::string, CatalogPool>& pools() const { return pools_; }
  [[nodiscard]] const KnownRevision* revision(const std::string& pool, core::Revision number) const;

  /// The revision that `pool` would be of: the newest, if its spec is the same and its image is (or
  /// is not known on one side); else a new one, not yet in the catalog. `digest`: "" = not
  /// resolved.
  [[nodiscard]] store::Revision plan(const config::Pool& pool, const std::string& digest,
                                     std::int64_t now_ms) const;

  /// Takes the pool in, as `revision` (from plan).
  void put(const config::Pool& pool, const std::string& source, const store::Revision& revision);
  /// Not desired any more; its revisions stay known while its workers last.
  void drop(const std::string& pool);
  /// Its last worker is gone.
  void forget(const std::string& pool) { retired_.erase(pool); }
  /// In place of the document's replicas; none: as it says.
  void allot(const std::string& pool, std::optional<Allotment> allotted);
  [[nodiscard]] std::optional<Allotment> allotted(const std::string& pool) const;
  void set_image(const std::string& pool, core::Revision number, const std::string& digest);

  /// What the core is told of the pool. REQUIRES: the pool is here.
  [[nodiscard]] core::PoolSettings settings(const std::string& pool) const;

 private:
  std::map<std::string, CatalogPool> pools_;
  std::map<std::string, Allotment> allotted_;
  /// Of pools that are not desired now; a pool that comes back goes on counting.
  std::map<std::string, std::vector<KnownRevision>> retired_;
};

}  // namespace mayfly::agent
