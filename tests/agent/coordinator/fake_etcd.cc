#include "tests/agent/coordinator/fake_etcd.h"

#include <algorithm>

namespace mayfly::coordinator {
namespace {

bool is_in(const etcd::Range& range, const std::string& key) {
  return key >= range.key && key < range.end;
}

}  // namespace

std::int64_t FakeEtcd::put(const std::string& key, const std::string& value, std::int64_t lease) {
  keys_[key] = {value, ++revision_, lease};
  const etcd::KeyValue kv{.key = key, .value = value, .mod_revision = revision_, .lease = lease};
  history_.push_back({etcd::Change::Kind::kPut, kv});
  return revision_;
}

void FakeEtcd::remove(const std::string& key) {
  if (keys_.erase(key) == 0) return;
  const etcd::KeyValue kv{.key = key, .mod_revision = ++revision_};
  history_.push_back({etcd::Change::Kind::kDelete, kv});
}

void FakeEtcd::restore(Time now, const FakeEtcd& backup, Identity identity) {
  const std::uint64_t life = life_ + 1;
  const std::uint64_t next = identity == Identity::kSame ? cluster_ : cluster_ + 1;
  const std::int64_t last_lease = last_lease_;
  *this = backup;
  cluster_ = next;
  life_ = life;
  last_lease_ = last_lease;
  for (auto& [id, lease] : leases_) lease.expires = now + std::chrono::seconds(lease.ttl_s);
}

std::int64_t FakeEtcd::grant(Time now, std::int64_t ttl_s) {
  leases_[++last_lease_] = {now + std::chrono::seconds(ttl_s), ttl_s};
  return last_lease_;
}

std::int64_t FakeEtcd::keep(Time now, std::int64_t lease) {
  const auto found = leases_.find(lease);
  if (found == leases_.end()) return 0;
  found->second.expires = now + std::chrono::seconds(found->second.ttl_s);
  return found->second.ttl_s;
}

void FakeEtcd::expire(Time now) {
  for (auto lease = leases_.begin(); lease != leases_.end();) {
    if (lease->second.expires > now) {
      ++lease;
      continue;
    }
    std::vector<std::string> its;
    for (const auto& [key, stored] : keys_) {
      if (stored.lease == lease->first) its.push_back(key);
    }
    for (const std::string& key : its) remove(key);
    lease = leases_.erase(lease);
  }
}

etcd::RangeAnswer FakeEtcd::list(const etcd::Range& range) const {
  etcd::RangeAnswer answer{.header = {.cluster = cluster_, .revision = revision_}};
  for (auto each = keys_.lower_bound(range.key); each != keys_.end(); ++each) {
    if (!is_in(range, each->first)) break;
    answer.kvs.push_back(key_value(each->first));
  }
  return answer;
}

std::optional<std::vector<etcd::Change>> FakeEtcd::changes(const etcd::Range& range,
                                                           std::int64_t from) const {
  if (from <= compacted_) return std::nullopt;
  std::vector<etcd::Change> changes;
  auto change = std::lower_bound(history_.begin(), history_.end(), from,
                                 [](const etcd::Change& each, std::int64_t revision) {
                                   return each.kv.mod_revision < revision;
                                 });
  for (; change != history_.end(); ++change) {
    if (is_in(range, change->kv.key)) changes.push_back(*change);
  }
  return changes;
}

etcd::KeyValue FakeEtcd::key_value(const std::string& key) const {
  const Stored& stored = keys_.at(key);
  return {.key = key,
          .value = stored.value,
          .mod_revision = stored.mod_revision,
          .lease = stored.lease};
}

const FakeEtcd::Stored* FakeEtcd::find(const std::string& key) const {
  const auto found = keys_.find(key);
  return found == keys_.end() ? nullptr : &found->second;
}

}  // namespace mayfly::coordinator
