#include "tests/agent/cli/fleet/fake_store.h"

#include <algorithm>
#include <memory>

namespace mayfly::cli::fleet {
namespace {

etcd::Error error_of(etcd::ErrorKind kind) {
  return {kind, etcd::kNoCode, "the fake says no"};
}

}  // namespace

etcd::RangeAnswer FakeStore::range(const etcd::Range& range) const {
  const std::string end = range.end.empty() ? range.key + '\0' : range.end;
  return etcd.list({range.key, end});
}

etcd::Result<etcd::RangeAnswer> FakeStore::read(const etcd::Range& asked) {
  if (is_down) return tl::unexpected(error_of(etcd::ErrorKind::kFailed));
  return range(asked);
}

void FakeStore::perform(const etcd::Operation& operation, etcd::TxnAnswer& answer) {
  if (const auto* put = std::get_if<etcd::Put>(&operation)) {
    etcd.put(put->key, put->value, put->lease);
  } else if (const auto* gone = std::get_if<etcd::Delete>(&operation)) {
    for (const etcd::KeyValue& kv : range({gone->key, gone->end}).kvs) etcd.remove(kv.key);
  } else {
    answer.ranges.push_back(range(std::get<etcd::Range>(operation)));
  }
}

etcd::TxnAnswer FakeStore::carry_out(const etcd::Txn& txn) {
  etcd::TxnAnswer answer;
  answer.succeeded = std::all_of(txn.compares.begin(), txn.compares.end(), [&](const auto& each) {
    const auto* stored = etcd.find(each.key);
    return (stored == nullptr ? 0 : stored->mod_revision) == each.equals;
  });
  const auto& operations = answer.succeeded ? txn.success : txn.failure;
  for (const etcd::Operation& each : operations) perform(each, answer);
  // All of a transaction is of one revision; the fake gives each put its own.
  const auto* put = operations.empty() ? nullptr : std::get_if<etcd::Put>(&operations.front());
  answer.header.revision = put == nullptr ? etcd.revision() : etcd.find(put->key)->mod_revision;
  return answer;
}

etcd::Result<etcd::TxnAnswer> FakeStore::commit(const etcd::Txn& txn) {
  ++commits;
  before_commit();
  const Fate fate = fates.empty() ? Fate::kAnswered : fates.front();
  if (!fates.empty()) fates.pop_front();
  switch (fate) {
    case Fate::kAnswered:
      return carry_out(txn);
    case Fate::kAnswerLost:
      (void)carry_out(txn);
      return tl::unexpected(error_of(etcd::ErrorKind::kUnknown));
    case Fate::kRequestLost:
      return tl::unexpected(error_of(etcd::ErrorKind::kUnknown));
    case Fate::kDown:
      return tl::unexpected(error_of(etcd::ErrorKind::kFailed));
    case Fate::kRefused:
      return tl::unexpected(error_of(etcd::ErrorKind::kRefused));
  }
  return tl::unexpected(error_of(etcd::ErrorKind::kFailed));
}

std::vector<LeaseTime> FakeStore::lease_times(const std::vector<std::int64_t>& ids) {
  std::vector<LeaseTime> times;
  for (const std::int64_t id : ids) {
    const auto known = leases.find(id);
    times.push_back(id == 0                 ? LeaseTime{}
                    : known != leases.end() ? known->second
                                            : LeaseTime{15, 12});
  }
  return times;
}

Desk::Author author(const std::string& name) {
  return {.name = name,
          .now = [] { return "2026-01-01T12:00:00Z"; },
          .token = [name, count = std::make_shared<int>(
                              0)] { return name + "-" + std::to_string(++*count); }};
}

std::string value(const FakeStore& store, const std::string& key) {
  const auto* stored = store.etcd.find(key);
  return stored == nullptr ? "" : stored->value;
}

}  // namespace mayfly::cli::fleet
