// What a session hears and what it asks for, as plain values. Each action carries a number, and
// what comes of it carries the same: a late answer to what is no longer waited for is dropped.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "agent/coordinator/etcd/messages.h"

namespace mayfly::coordinator {

/// All of the desired state's keys: the pools', and the order for this node.
struct List {
  std::uint64_t number = 0;
};
/// From this revision on. REQUIRES: the one before has ended or been stopped.
struct Watch {
  std::uint64_t number = 0;
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
using Action = std::variant<List, Watch, StopWatch, GrantLease, KeepLease, WriteReport>;

struct Listed {
  std::uint64_t number = 0;
  etcd::RangeAnswer answer = {};
  std::vector<etcd::KeyValue> order = {};  ///< none is there, or one; as of the same or later
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
                           StatusChanged, TombstoneTaken>;

}  // namespace mayfly::coordinator
