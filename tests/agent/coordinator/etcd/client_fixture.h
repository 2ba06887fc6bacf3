// A client on a loop of the test's own, used as if it answered at once.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/coordinator/etcd/client.h"
#include "tests/support/private_etcd.h"

namespace mayfly::etcd {

using namespace std::chrono_literals;
using support::PrivateEtcd;

class EtcdTest : public ::testing::Test {
 protected:
  static Client::Options options_for(const PrivateEtcd& etcd) {
    Client::Options options;
    options.endpoints = etcd.endpoints();
    options.deadline = 20s;  // a loaded machine is no fault
    return options;
  }

  void use(Client::Options options) { client = std::make_unique<Client>(loop, std::move(options)); }

  bool until(const std::function<bool()>& so) {
    const auto end = std::chrono::steady_clock::now() + 120s;
    while (!so()) {
      if (std::chrono::steady_clock::now() >= end) return false;
      if (loop.run_one_until(end) == 0) loop.restart();
    }
    return true;
  }

  template <class T, class Ask>
  Result<T> await(Ask ask) {
    std::optional<Result<T>> result;
    ask([&](Result<T> came) { result = std::move(came); });
    if (until([&] { return result.has_value(); })) return std::move(*result);
    return tl::unexpected(Error{ErrorKind::kFailed, kNoCode, "the test waited too long"});
  }

  Result<RangeAnswer> range(const Range& range) {
    return await<RangeAnswer>([&](Done<RangeAnswer> done) { client->range(range, done); });
  }
  Result<RangeAnswer> list(const Range& range) {
    return await<RangeAnswer>([&](Done<RangeAnswer> done) { client->list(range, done); });
  }
  Result<Header> put(const Put& put) {
    return await<Header>([&](Done<Header> done) { client->put(put, done); });
  }
  Result<TxnAnswer> txn(const Txn& txn) {
    return await<TxnAnswer>([&](Done<TxnAnswer> done) { client->txn(txn, done); });
  }
  Result<Lease> grant(std::int64_t ttl_s) {
    return await<Lease>([&](Done<Lease> done) { client->grant(ttl_s, done); });
  }
  Result<Lease> keep_alive(std::int64_t id) {
    return await<Lease>([&](Done<Lease> done) { client->keep_alive(id, done); });
  }
  Result<Lease> time_to_live(std::int64_t id) {
    return await<Lease>([&](Done<Lease> done) { client->time_to_live(id, done); });
  }

  /// What a watch says, gathered.
  struct Heard {
    bool created = false;
    std::vector<Change> changes;
    std::optional<Error> end;
    WatchId id{};
  };
  std::shared_ptr<Heard> watch(const WatchRequest& request) {
    auto heard = std::make_shared<Heard>();
    heard->id = client->watch(request, {[heard](const WatchNews& news) {
                                          heard->created = heard->created || news.created;
                                          for (const auto& change : news.changes) {
                                            heard->changes.push_back(change);
                                          }
                                        },
                                        [heard](const Error& error) { heard->end = error; }});
    return heard;
  }

  boost::asio::io_context loop;
  std::unique_ptr<Client> client;
};

}  // namespace mayfly::etcd
