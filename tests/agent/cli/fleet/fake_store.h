// A key store of the tests, on the simulation's etcd: what goes wrong with a call is said before.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "agent/cli/fleet/desk.h"
#include "tests/agent/coordinator/fake_etcd.h"

namespace mayfly::cli::fleet {

class FakeStore final : public KeyStore {
 public:
  enum class Fate : std::uint8_t {
    kAnswered,
    kAnswerLost,   ///< it is done, and nobody hears
    kRequestLost,  ///< it is not done, and nobody knows
    kDown,         ///< it cannot even be sent
    kRefused,
  };

  coordinator::FakeEtcd etcd;
  std::deque<Fate> fates;                       ///< of the next commits; then all are answered
  std::function<void()> before_commit = [] {};  ///< somebody else acts
  std::size_t commits = 0;
  std::map<std::int64_t, LeaseTime> leases;  ///< any other was kept 3 s ago
  bool is_down = false;

  [[nodiscard]] etcd::Result<etcd::RangeAnswer> read(const etcd::Range& range) override;
  [[nodiscard]] etcd::Result<etcd::TxnAnswer> commit(const etcd::Txn& txn) override;
  [[nodiscard]] std::vector<LeaseTime> lease_times(
      const std::vector<std::int64_t>& leases) override;

 private:
  [[nodiscard]] etcd::TxnAnswer carry_out(const etcd::Txn& txn);
  [[nodiscard]] etcd::RangeAnswer range(const etcd::Range& range) const;
  void perform(const etcd::Operation& operation, etcd::TxnAnswer& answer);
};

/// "anna@laptop" at noon, with tokens of her own.
[[nodiscard]] Desk::Author author(const std::string& name);

/// The value of a key; "": it is not there.
[[nodiscard]] std::string value(const FakeStore& store, const std::string& key);

}  // namespace mayfly::cli::fleet
