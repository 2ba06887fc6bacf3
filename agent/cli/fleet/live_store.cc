#include "agent/cli/fleet/live_store.h"

#include <algorithm>
#include <memory>
#include <utility>

namespace mayfly::cli::fleet {
namespace {

using namespace std::chrono_literals;

/// Above all deadlines of the client's own: a login and a call, each at every endpoint.
constexpr auto kCallMax = 60s;
constexpr std::size_t kLeasesMax = 1000;  ///< asked about; each is a call

etcd::Client::Options options_of(const config::Coordinator& context,
                                 std::chrono::milliseconds patience) {
  return {.endpoints = context.endpoints,
          .ca_file = context.ca_file,
          .cert_file = context.cert_file,
          .key_file = context.key_file,
          .user = context.user,
          .password_file = context.password_file,
          .deadline = patience};
}

template <class T>
etcd::Result<T> answer_of(const std::optional<etcd::Result<T>>& came, etcd::ErrorKind otherwise) {
  if (came) return *came;
  return tl::unexpected(etcd::Error{otherwise, etcd::kNoCode, "no answer in time"});
}

}  // namespace

LiveStore::LiveStore(const config::Coordinator& context, std::chrono::milliseconds patience)
    : client_(loop_, options_of(context, patience)) {}

void LiveStore::run_until(const std::function<bool()>& is_done) {
  const auto end = std::chrono::steady_clock::now() + kCallMax;
  loop_.restart();
  while (!is_done() && loop_.run_one_until(end) != 0) {
  }
}

etcd::Result<etcd::RangeAnswer> LiveStore::read(const etcd::Range& range) {
  auto came = std::make_shared<std::optional<etcd::Result<etcd::RangeAnswer>>>();
  client_.list(range,
               [came](etcd::Result<etcd::RangeAnswer> answer) { *came = std::move(answer); });
  run_until([&came] { return came->has_value(); });
  return answer_of(*came, etcd::ErrorKind::kFailed);
}

etcd::Result<etcd::TxnAnswer> LiveStore::commit(const etcd::Txn& txn) {
  auto came = std::make_shared<std::optional<etcd::Result<etcd::TxnAnswer>>>();
  client_.txn(txn, [came](etcd::Result<etcd::TxnAnswer> answer) { *came = std::move(answer); });
  run_until([&came] { return came->has_value(); });
  return answer_of(*came, etcd::ErrorKind::kUnknown);
}

std::vector<LeaseTime> LiveStore::lease_times(const std::vector<std::int64_t>& leases) {
  struct Gathered {
    std::vector<LeaseTime> times;
    std::size_t open = 0;
  };
  auto all = std::make_shared<Gathered>();
  all->times.resize(leases.size());
  for (std::size_t i = 0; i < std::min(leases.size(), kLeasesMax); ++i) {
    if (leases[i] == 0) continue;
    ++all->open;
    client_.time_to_live(leases[i], [all, i](const etcd::Result<etcd::Lease>& lease) {
      --all->open;
      if (lease) all->times[i] = {lease->granted_s, lease->ttl_s};
    });
  }
  run_until([&all] { return all->open == 0; });
  return all->times;
}

}  // namespace mayfly::cli::fleet
