#include "agent/coordinator/desired_state.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace mayfly::coordinator {
namespace {

constexpr std::size_t kNamesSaid = 5;

/// 0: none, or not a number.
std::uint64_t epoch_of(const std::string& value) {
  std::uint64_t epoch = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), epoch);
  const bool is_whole = error == std::errc{} && end == value.data() + value.size();
  return is_whole ? epoch : 0;
}

std::string listing(const std::set<std::string>& pools) {
  std::string text;
  std::size_t said = 0;
  for (const std::string& pool : pools) {
    if (said++ == kNamesSaid) return text + ", …";
    text += (text.empty() ? "" : ", ") + pool;
  }
  return text;
}

}  // namespace

std::string Keys::pool_of(const std::string& key) const {
  return key.starts_with(pools()) ? key.substr(pools().size()) : "";
}

std::string Keys::old_pool(const std::string& name, std::uint32_t revision) const {
  constexpr std::size_t kDigits = 10;  // so that they sort
  const std::string number = std::to_string(revision);
  return history(name).key + std::string(kDigits - number.size(), '0') + number;
}

etcd::Range Keys::history(const std::string& name) const {
  const std::string prefix = prefix_ + "pools-history/" + name + "/";
  return {prefix, etcd::end_of_prefix(prefix)};
}

std::pair<std::string, std::string> Keys::node_and_part(const std::string& key) const {
  const std::string nodes = all_nodes().key;
  const std::size_t slash = key.rfind('/');
  if (!key.starts_with(nodes) || slash <= nodes.size() || slash == std::string::npos) return {};
  return {key.substr(nodes.size(), slash - nodes.size()), key.substr(slash + 1)};
}

DesiredState::DesiredState(Keys keys, Baseline baseline)
    : keys_(std::move(keys)), baseline_(std::move(baseline)) {
  for (const auto& [pool, document] : baseline_.documents) {
    revision_ = std::max(revision_, document.mod_revision);
  }
}

std::string DesiredState::judge(const etcd::Header& header, std::uint64_t epoch,
                                std::int64_t known) const {
  const std::string way = "; to take what it holds, put a number above " +
                          std::to_string(baseline_.epoch) + " at " + keys_.epoch();
  if (baseline_.cluster != 0 && header.cluster != baseline_.cluster) {
    return "etcd is another cluster than before (" + std::to_string(header.cluster) + ", not " +
           std::to_string(baseline_.cluster) + ")" + way;
  }
  if (header.revision < known) {
    return "etcd went back, from revision " + std::to_string(known) + " to " +
           std::to_string(header.revision) + way;
  }
  if (epoch < baseline_.epoch) {
    return "the epoch went back, from " + std::to_string(baseline_.epoch) + " to " +
           std::to_string(epoch) + way;
  }
  return "";
}

void DesiredState::begin_anew(std::uint64_t cluster, std::uint64_t epoch) {
  for (auto& [pool, document] : baseline_.documents) document.mod_revision = 0;
  baseline_.cluster = cluster;
  baseline_.epoch = epoch;
  revision_ = 0;
  ended_ = 0;
}

DesiredState::Taken DesiredState::take_list(const etcd::RangeAnswer& list, std::int64_t known) {
  std::uint64_t epoch = 0;
  std::map<std::string, const etcd::KeyValue*> found;
  for (const etcd::KeyValue& kv : list.kvs) {
    if (kv.key == keys_.epoch()) epoch = epoch_of(kv.value);
    const std::string pool = keys_.pool_of(kv.key);
    if (!pool.empty()) found[pool] = &kv;
  }
  const bool is_meant = epoch > baseline_.epoch && baseline_.cluster != 0;
  if (is_meant) begin_anew(list.header.cluster, epoch);
  blocked_ = judge(list.header, epoch, is_meant ? 0 : known);
  if (!blocked_.empty()) return {};
  // The watch has been faster: it is no longer the whole truth.
  if (list.header.revision < revision_) return {.needs_list = true, .pools = {}};
  baseline_.cluster = list.header.cluster;
  baseline_.epoch = epoch;
  revision_ = std::max(revision_, list.header.revision);
  Taken taken;
  for (const auto& [pool, kv] : found) {
    if (take(pool, *kv)) taken.pools.insert(pool);
  }
  std::set<std::string> gone;
  for (const auto& [pool, document] : baseline_.documents) {
    if (!found.contains(pool)) gone.insert(pool);
  }
  for (const std::string& pool : gone) miss(pool);
  return taken;
}

DesiredState::Taken DesiredState::take_change(const etcd::Change& change) {
  const std::string pool = keys_.pool_of(change.kv.key);
  if (!blocked_.empty() || pool.empty()) return {.needs_list = true, .pools = {}};
  revision_ = std::max(revision_, change.kv.mod_revision);
  const auto found = baseline_.documents.find(pool);
  const bool is_known = found != baseline_.documents.end();
  if (change.kv.mod_revision <= (is_known ? found->second.mod_revision : ended_)) return {};
  switch (change.kind) {
    case etcd::Change::Kind::kPut:
      if (take(pool, change.kv)) return {.needs_list = false, .pools = {pool}};
      return {};
    case etcd::Change::Kind::kDelete:
      if (is_known) miss(pool);
      return {};
  }
  return {};
}

bool DesiredState::take(const std::string& pool, const etcd::KeyValue& kv) {
  Document& document = baseline_.documents[pool];
  stale_.erase(pool);
  if (kv.mod_revision < document.mod_revision) {
    stale_.insert(pool);
    return false;
  }
  document.is_missing = false;
  if (kv.mod_revision == document.mod_revision) return false;
  document = {.value = kv.value, .mod_revision = kv.mod_revision};
  return true;
}

void DesiredState::miss(const std::string& pool) {
  const auto found = baseline_.documents.find(pool);
  stale_.erase(pool);
  found->second.is_missing = true;
  if (found->second.is_tombstone) forget(found);
}

void DesiredState::take_tombstone(const std::string& pool, std::int64_t mod_revision) {
  const auto found = baseline_.documents.find(pool);
  if (found == baseline_.documents.end() || found->second.mod_revision != mod_revision) return;
  found->second.is_tombstone = true;
  if (found->second.is_missing) forget(found);
}

void DesiredState::forget(std::map<std::string, Document>::iterator document) {
  ended_ = revision_;
  baseline_.documents.erase(document);
}

std::vector<std::string> DesiredState::alarms() const {
  std::vector<std::string> lines;
  if (!blocked_.empty()) lines.push_back(blocked_);
  std::set<std::string> missing;
  for (const auto& [pool, document] : baseline_.documents) {
    if (document.is_missing) missing.insert(pool);
  }
  if (!missing.empty()) {
    lines.push_back("gone from etcd without a tombstone, and kept as they were: " +
                    listing(missing));
  }
  if (!stale_.empty()) {
    lines.push_back("older in etcd than here, and kept as they are: " + listing(stale_));
  }
  return lines;
}

}  // namespace mayfly::coordinator
