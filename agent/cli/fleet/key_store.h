// What the verbs on a fleet need of an etcd: to read keys, and to change some if others are as they
// were. Each call returns when it is answered, or when it will not be. Refuses to know what keys
// mean.
#pragma once

#include <cstdint>
#include <vector>

#include "agent/coordinator/etcd/messages.h"

namespace mayfly::cli::fleet {

class KeyStore {
 public:
  virtual ~KeyStore() = default;

  /// All of a range, as of one revision.
  [[nodiscard]] virtual etcd::Result<etcd::RangeAnswer> read(const etcd::Range& range) = 0;
  /// kUnknown: it may have been done, or may yet be.
  [[nodiscard]] virtual etcd::Result<etcd::TxnAnswer> commit(const etcd::Txn& txn) = 0;
  /// How long each lease has yet to live; in the order of the ids, those that cannot be had with 0.
  [[nodiscard]] virtual std::vector<std::int64_t> seconds_left(
      const std::vector<std::int64_t>& leases) = 0;
};

}  // namespace mayfly::cli::fleet
