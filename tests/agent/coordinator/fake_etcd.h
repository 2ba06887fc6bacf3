// An etcd of the simulation: keys with revisions, a history that compaction cuts, leases that
// expire, and a person who restores a backup. Virtual time; answers at once: what gets lost on the
// way is the world's.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/coordinator/session.h"

namespace mayfly::coordinator {

class FakeEtcd {
 public:
  struct Stored {
    std::string value;
    std::int64_t mod_revision = 0;
    std::int64_t lease = 0;
  };

  std::int64_t put(const std::string& key, const std::string& value, std::int64_t lease = 0);
  void remove(const std::string& key);
  void compact() { compacted_ = revision_; }
  /// What etcd's own restore makes of a backup: another cluster, unless its members have the names,
  /// addresses and token of before.
  enum class Identity : std::uint8_t { kOther, kSame };
  /// As it was at `backup`; the leases of then begin anew.
  void restore(Time now, const FakeEtcd& backup, Identity identity);
  /// Of its restores; a watch lives through none.
  [[nodiscard]] std::uint64_t life() const { return life_; }

  std::int64_t grant(Time now, std::int64_t ttl_s);
  /// For how long; 0: it is not there.
  std::int64_t keep(Time now, std::int64_t lease);
  [[nodiscard]] bool has_lease(std::int64_t lease) const { return leases_.contains(lease); }
  void expire(Time now);

  [[nodiscard]] etcd::RangeAnswer list(const etcd::Range& range) const;
  /// Changes in the range from that revision on. None: they are no longer kept.
  [[nodiscard]] std::optional<std::vector<etcd::Change>> changes(const etcd::Range& range,
                                                                 std::int64_t from) const;
  [[nodiscard]] const Stored* find(const std::string& key) const;
  /// REQUIRES: it is there.
  [[nodiscard]] etcd::KeyValue key_value(const std::string& key) const;
  [[nodiscard]] std::int64_t revision() const { return revision_; }
  [[nodiscard]] std::uint64_t cluster() const { return cluster_; }

 private:
  struct Lease {
    Time expires;
    std::int64_t ttl_s = 0;
  };
  std::uint64_t cluster_ = 1;
  std::uint64_t life_ = 1;
  std::int64_t revision_ = 1;
  std::int64_t compacted_ = 0;
  std::int64_t last_lease_ = 0;
  std::map<std::string, Stored> keys_;
  std::vector<etcd::Change> history_;
  std::map<std::int64_t, Lease> leases_;
};

}  // namespace mayfly::coordinator
