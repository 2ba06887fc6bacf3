// What the verbs on a fleet need of an etcd: to read keys, and to change some if others are as they
// were. Each call returns when it is answered, or when it will not be. Refuses to know what keys
// mean.
#pragma once

#include <cstdint>
#include <vector>

#include "agent/coordinator/etcd/messages.h"

namespace mayfly::cli::fleet {

/// Of a lease that is not there, or of which nothing can be learned, nothing.
struct LeaseTime {
  std::int64_t granted_s = 0;
  std::int64_t left_s = 0;
};

class KeyStore {
 public:
  virtual ~KeyStore() = default;

  /// All of a range, as of one revision.
  [[nodiscard]] virtual etcd::Result<etcd::RangeAnswer> read(const etcd::Range& range) = 0;
  /// kUnknown: it may have been done, or may yet be.
  [[nodiscard]] virtual etcd::Result<etcd::TxnAnswer> commit(const etcd::Txn& txn) = 0;
  /// In the order of the ids.
  [[nodiscard]] virtual std::vector<LeaseTime> lease_times(
      const std::vector<std::int64_t>& leases) = 0;
};

}  // namespace mayfly::cli::fleet
