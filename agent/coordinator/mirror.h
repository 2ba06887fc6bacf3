// What stands below a prefix in etcd, each value as what it means, as far as it is known here: from
// lists, from the watch, and from what this node wrote itself. Late and doubled news change
// nothing. It may lag behind: who acts on it compares revisions. Pure.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "agent/coordinator/tracker.h"

namespace mayfly::coordinator {

template <class Value>
class Mirror {
 public:
  /// What does not mean anything is not there.
  using Meaning = std::optional<Value> (*)(const etcd::KeyValue& kv);
  struct Entry {
    Value value = {};
    std::string text = {};
    std::int64_t mod_revision = 0;
    std::int64_t lease = 0;
  };

  Mirror(etcd::Range range, Meaning meaning) : tracker_(std::move(range)), meaning_(meaning) {}

  void take(const Listed& listed, Turn& turn);
  void take(const ListFailed& failed, Turn& turn) { tracker_.take(failed, turn); }
  void take(const WatchHeard& heard, Turn& turn);
  void take(const WatchEnded& ended, Turn& turn) { tracker_.take(ended, turn); }
  void advance(Turn& turn);

  /// As of a write of our own, or of what was read when it was refused.
  /// False: it was known already.
  bool note(const etcd::KeyValue& kv) { return take_in(kv); }
  bool note_gone(const std::string& key, std::int64_t revision);
  /// Nobody knows what a write has done: not current until it is listed anew.
  void doubt(Turn& turn);

  [[nodiscard]] const std::map<std::string, Entry>& entries() const { return entries_; }
  /// nullptr: it is not there.
  [[nodiscard]] const Entry* find(const std::string& key) const;
  /// Etcd's own id, as of the last list; 0: there was none.
  [[nodiscard]] std::uint64_t cluster() const { return cluster_; }
  /// Another number for each etcd that was met: another cluster, or one that was restored.
  [[nodiscard]] std::uint64_t era() const { return era_; }
  [[nodiscard]] bool is_current() const { return !is_doubted_ && tracker_.is_current(); }
  [[nodiscard]] Time due() const { return tracker_.due(); }
  [[nodiscard]] const std::string& fault() const { return tracker_.fault(); }

 private:
  [[nodiscard]] bool is_news(const std::string& key, std::int64_t revision) const;
  bool take_in(const etcd::KeyValue& kv);
  bool miss_what_is_not_in(const etcd::RangeAnswer& list);

  Tracker tracker_;
  Meaning meaning_;
  std::map<std::string, Entry> entries_;
  std::map<std::string, std::int64_t> gone_;  ///< since the last list, and as of what revision
  std::uint64_t cluster_ = 0;
  std::uint64_t era_ = 0;
  std::int64_t listed_ = 0;  ///< the revision of the last list
  std::int64_t seen_ = 0;    ///< the highest revision that was heard of
  std::int64_t known_ = 0;   ///< the same, when the list that is out was asked for
  bool is_doubted_ = false;
  bool is_asked_in_doubt_ = false;  ///< the list that is out was asked for after the doubt
};

template <class Value>
bool Mirror<Value>::is_news(const std::string& key, std::int64_t revision) const {
  const auto entry = entries_.find(key);
  if (entry != entries_.end()) return revision > entry->second.mod_revision;
  const auto gone = gone_.find(key);
  return revision > (gone == gone_.end() ? listed_ : gone->second);
}

template <class Value>
bool Mirror<Value>::take_in(const etcd::KeyValue& kv) {
  seen_ = std::max(seen_, kv.mod_revision);
  if (!is_news(kv.key, kv.mod_revision)) return false;
  gone_.erase(kv.key);
  if (auto value = meaning_(kv)) {
    entries_[kv.key] = {std::move(*value), kv.value, kv.mod_revision, kv.lease};
  } else {
    entries_.erase(kv.key);
  }
  return true;
}

template <class Value>
bool Mirror<Value>::miss_what_is_not_in(const etcd::RangeAnswer& list) {
  std::map<std::string, std::int64_t> there;
  for (const etcd::KeyValue& kv : list.kvs) there[kv.key] = kv.mod_revision;
  const std::int64_t as_of = list.header.revision;
  const auto before = entries_.size();
  std::erase_if(entries_, [&](const auto& each) {
    if (each.second.mod_revision > as_of) return false;
    const auto found = there.find(each.first);
    return found == there.end() || found->second != each.second.mod_revision;
  });
  std::erase_if(gone_, [as_of](const auto& each) { return each.second <= as_of; });
  return entries_.size() != before;
}

template <class Value>
void Mirror<Value>::take(const Listed& listed, Turn& turn) {
  if (!tracker_.take(listed, turn)) return;
  const etcd::RangeAnswer& list = listed.answer;
  if (list.header.cluster != cluster_ || list.header.revision < known_) {
    cluster_ = list.header.cluster;
    ++era_;
    entries_.clear();
    gone_.clear();
    seen_ = 0;
  }
  listed_ = 0;  // what is in the list is there, however old
  bool has_missed = miss_what_is_not_in(list);
  for (const etcd::KeyValue& kv : list.kvs) has_missed |= take_in(kv);
  listed_ = list.header.revision;
  seen_ = std::max(seen_, listed_);
  if (is_asked_in_doubt_) is_doubted_ = false;
  tracker_.watch(listed, has_missed ? Tracker::Missed::kSomething : Tracker::Missed::kNothing,
                 turn);
}

template <class Value>
void Mirror<Value>::take(const WatchHeard& heard, Turn& /*turn*/) {
  if (!tracker_.is_of(heard)) return;
  for (const etcd::Change& change : heard.news.changes) {
    switch (change.kind) {
      case etcd::Change::Kind::kPut:
        take_in(change.kv);
        break;
      case etcd::Change::Kind::kDelete:
        note_gone(change.kv.key, change.kv.mod_revision);
        break;
    }
  }
}

template <class Value>
void Mirror<Value>::advance(Turn& turn) {
  if (!tracker_.advance(turn)) return;
  is_asked_in_doubt_ = is_doubted_;
  known_ = seen_;
}

template <class Value>
bool Mirror<Value>::note_gone(const std::string& key, std::int64_t revision) {
  seen_ = std::max(seen_, revision);
  if (!is_news(key, revision)) return false;
  entries_.erase(key);
  gone_[key] = revision;
  return true;
}

template <class Value>
void Mirror<Value>::doubt(Turn& turn) {
  is_doubted_ = true;
  is_asked_in_doubt_ = false;
  tracker_.list_soon(turn);
}

template <class Value>
const typename Mirror<Value>::Entry* Mirror<Value>::find(const std::string& key) const {
  const auto entry = entries_.find(key);
  return entry == entries_.end() ? nullptr : &entry->second;
}

}  // namespace mayfly::coordinator
