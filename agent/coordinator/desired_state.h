// The last good desired state, and what may follow it: never an older one, never another cluster's
// by itself, never nothing. Knows keys and revisions, refuses to know what documents say. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "agent/coordinator/etcd/messages.h"

namespace mayfly::coordinator {

/// The document of one pool.
struct Document {
  std::string value = {};
  std::int64_t mod_revision = 0;
  bool is_missing = false;    ///< gone from etcd without a tombstone: it stays in force
  bool is_tombstone = false;  ///< it has been taken for one
};

/// What is remembered across restarts.
struct Baseline {
  std::uint64_t cluster = 0;  ///< etcd's own id; 0: none was met yet
  std::uint64_t epoch = 0;    ///< raised by people, to say that a restored etcd is meant
  std::map<std::string, Document> documents = {};
};

/// Where the keys are, as of a prefix "/mayfly/<cluster>/".
class Keys {
 public:
  explicit Keys(std::string prefix) : prefix_(std::move(prefix)) {}
  [[nodiscard]] std::string pool(const std::string& name) const { return pools() + name; }
  /// What a pool was: outside the range that nodes follow, which holds no old documents.
  [[nodiscard]] std::string old_pool(const std::string& name, std::uint32_t revision) const;
  [[nodiscard]] etcd::Range history(const std::string& name) const;
  [[nodiscard]] std::string epoch() const { return prefix_ + "pools.epoch"; }
  [[nodiscard]] std::string node(const std::string& name, const std::string& part) const {
    return prefix_ + "nodes/" + name + "/" + part;
  }
  [[nodiscard]] etcd::Range all_pools() const { return {pools(), etcd::end_of_prefix(pools())}; }
  [[nodiscard]] etcd::Range all_nodes() const {
    return {prefix_ + "nodes/", etcd::end_of_prefix(prefix_ + "nodes/")};
  }
  /// "a" and "status" of the key of a node's status.
  [[nodiscard]] std::pair<std::string, std::string> node_and_part(const std::string& key) const;
  /// What people order of a node itself.
  [[nodiscard]] std::string order(const std::string& name) const { return node(name, "desired"); }
  [[nodiscard]] std::string member(const std::string& node) const { return members() + node; }
  [[nodiscard]] std::string slot(const std::string& pool, std::uint32_t number) const {
    return slots() + pool + "/" + std::to_string(number);
  }
  [[nodiscard]] etcd::Range all_members() const {
    return {members(), etcd::end_of_prefix(members())};
  }
  [[nodiscard]] etcd::Range all_slots() const { return {slots(), etcd::end_of_prefix(slots())}; }
  /// REQUIRES: the key is one of all_members().
  [[nodiscard]] std::string node_of(const std::string& key) const {
    return key.substr(members().size());
  }
  /// The epoch and all pools: one range, so that it is read as of one revision.
  [[nodiscard]] etcd::Range desired() const { return {epoch(), etcd::end_of_prefix(pools())}; }
  /// "": it is no pool's.
  [[nodiscard]] std::string pool_of(const std::string& key) const;

 private:
  [[nodiscard]] std::string pools() const { return prefix_ + "pools/"; }
  [[nodiscard]] std::string members() const { return prefix_ + "members/"; }
  [[nodiscard]] std::string slots() const { return prefix_ + "slots/"; }
  std::string prefix_;
};

class DesiredState {
 public:
  DesiredState(Keys keys, Baseline baseline);

  struct Taken {
    bool needs_list = false;      ///< it cannot be judged by itself
    std::set<std::string> pools;  ///< those whose documents are new
  };
  /// All that there is, as of the header's revision. `known`: revision() when it was asked for; an
  /// etcd that is behind that has gone back.
  Taken take_list(const etcd::RangeAnswer& list, std::int64_t known);
  Taken take_change(const etcd::Change& change);

  void take_tombstone(const std::string& pool, std::int64_t mod_revision);

  [[nodiscard]] const Baseline& baseline() const { return baseline_; }
  [[nodiscard]] std::int64_t revision() const { return revision_; }
  /// Why nothing of what etcd holds is taken; "": it is.
  [[nodiscard]] const std::string& blocked() const { return blocked_; }
  /// For people, a line each.
  [[nodiscard]] std::vector<std::string> alarms() const;

 private:
  [[nodiscard]] std::string judge(const etcd::Header& header, std::uint64_t epoch,
                                  std::int64_t known) const;
  void begin_anew(std::uint64_t cluster, std::uint64_t epoch);
  bool take(const std::string& pool, const etcd::KeyValue& kv);
  void miss(const std::string& pool);
  void forget(std::map<std::string, Document>::iterator document);

  Keys keys_;
  Baseline baseline_;
  std::int64_t revision_ = 0;  ///< the newest that was seen of this cluster
  std::int64_t ended_ = 0;     ///< the newest at which a tombstone's key was gone
  std::string blocked_;
  std::set<std::string> stale_;  ///< pools whose document in etcd is older than ours
};

}  // namespace mayfly::coordinator
