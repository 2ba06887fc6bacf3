// An etcd by the daemon's own client, on a loop that runs while a call is waited for.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "agent/cli/fleet/key_store.h"
#include "agent/coordinator/etcd/client.h"
#include "config/coordinator.h"

namespace mayfly::cli::fleet {

class LiveStore final : public KeyStore {
 public:
  /// `patience`: for one try at one endpoint.
  LiveStore(const config::Coordinator& context, std::chrono::milliseconds patience);

  [[nodiscard]] etcd::Result<etcd::RangeAnswer> read(const etcd::Range& range) override;
  [[nodiscard]] etcd::Result<etcd::TxnAnswer> commit(const etcd::Txn& txn) override;
  [[nodiscard]] std::vector<LeaseTime> lease_times(
      const std::vector<std::int64_t>& leases) override;

 private:
  /// Until `is_done`, or nothing more can come.
  void run_until(const std::function<bool()>& is_done);

  boost::asio::io_context loop_;
  etcd::Client client_;
};

}  // namespace mayfly::cli::fleet
