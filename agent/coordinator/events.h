// What a session hears and what it asks for, as plain values. Each action carries a number, and
// what comes of it carries the same: a late answer to what is no longer waited for is dropped.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "agent/coordinator/etcd/messages.h"

namespace mayfly::coordinator {

/// All keys of the range, as of one revision.
struct List {
  std::uint64_t number = 0;
  etcd::Range range = {};
};
/// From this revision on.
struct Watch {
  std::uint64_t number = 0;
  etcd::Range range = {};
  std::int64_t from = 0;
};
struct StopWatch {
  std::uint64_t number = 0;  ///< of the watch
};
struct GrantLease {
  std::uint64_t number = 0;
  std::int64_t ttl_s = 0;
};
struct KeepLease {
  std::uint64_t number = 0;
  std::int64_t lease = 0;
};
/// The node's info and status under the lease, if the status key is still of that revision (0: not
/// there); else what is there is to be read. The number goes into the value, as our own token.
struct WriteReport {
  std::uint64_t number = 0;
  std::int64_t lease = 0;
  std::int64_t expected_revision = 0;
  std::string status = {};
};
/// If the key is still of that revision (0: not there); else what is there is to be read.
struct PutKey {
  std::uint64_t number = 0;
  std::string key = {};
  std::string value = {};
  std::int64_t lease = 0;
  std::int64_t expected_revision = 0;
};
/// The same; without a put, so that a full etcd takes it too.
struct DeleteKey {
  std::uint64_t number = 0;
  std::string key = {};
  std::int64_t expected_revision = 0;
};
using Action =
    std::variant<List, Watch, StopWatch, GrantLease, KeepLease, WriteReport, PutKey, DeleteKey>;

struct Listed {
  std::uint64_t number = 0;
  etcd::RangeAnswer answer = {};
};
struct ListFailed {
  std::uint64_t number = 0;
  etcd::Error error = {};
};
struct WatchHeard {
  std::uint64_t number = 0;
  etcd::WatchNews news = {};
};
struct WatchEnded {
  std::uint64_t number = 0;
  etcd::Error error = {};
};
struct LeaseGranted {
  std::uint64_t number = 0;
  etcd::Lease lease = {};
};
struct GrantFailed {
  std::uint64_t number = 0;
  etcd::Error error = {};
};
struct LeaseKept {
  std::uint64_t number = 0;
  etcd::Lease lease = {};  ///< a ttl of 0: it is gone, whatever else was said
};
struct KeepFailed {
  std::uint64_t number = 0;
  etcd::Error error = {};
};
struct ReportWritten {
  std::uint64_t number = 0;
  std::int64_t revision = 0;
};
/// Who wrote the status that is there.
struct Writer {
  enum class Who : std::uint8_t { kUs, kAnother };
  Who who = Who::kAnother;
  std::uint64_t token = 0;  ///< of ours: the number of that write
  std::int64_t mod_revision = 0;
};
struct ReportConflicted {
  std::uint64_t number = 0;
  std::optional<Writer> found;  ///< none: the key is not there
};
struct ReportFailed {
  std::uint64_t number = 0;
  etcd::Error error = {};
};
/// Of a PutKey or a DeleteKey.
struct KeyWritten {
  std::uint64_t number = 0;
  std::int64_t revision = 0;
};
struct KeyConflicted {
  std::uint64_t number = 0;
  std::int64_t revision = 0;            ///< as of which it was read
  std::optional<etcd::KeyValue> found;  ///< none: the key is not there
};
struct KeyFailed {
  std::uint64_t number = 0;
  etcd::Error error = {};
};
/// A pool of N slots over all nodes whose labels match.
struct SharedPool {
  std::uint32_t total = 0;
  std::map<std::string, std::string> selector = {};
  bool operator==(const SharedPool&) const = default;
};
/// All pools of that kind, as the last good documents say.
struct PoolsShared {
  std::map<std::string, SharedPool> pools = {};
};
/// In how many places this node runs a worker of each pool, or is about to. REQUIRES: as of now.
struct PlacesChanged {
  std::map<std::string, std::uint32_t> places = {};
};
/// What the node takes on: "open", "cordoned" (what it has), "draining", "drained" (nothing).
struct SchedulingChanged {
  std::string scheduling = {};
};
/// What the node has to say of itself now.
struct StatusChanged {
  std::string status = {};
};
/// The pool's document says that it is to end, and that has been done.
struct TombstoneTaken {
  std::string pool = {};
  std::int64_t mod_revision = 0;
};
using Event = std::variant<Listed, ListFailed, WatchHeard, WatchEnded, LeaseGranted, GrantFailed,
                           LeaseKept, KeepFailed, ReportWritten, ReportConflicted, ReportFailed,
                           KeyWritten, KeyConflicted, KeyFailed, PoolsShared, PlacesChanged,
                           SchedulingChanged, StatusChanged, TombstoneTaken>;

}  // namespace mayfly::coordinator
