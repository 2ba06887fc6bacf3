#include "agent/cli/fleet/desk.h"

#include <algorithm>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "agent/cli/fleet/failures.h"
#include "agent/cli/text.h"
#include "config/faults.h"

namespace mayfly::cli::fleet {
namespace {

constexpr int kTries = 3;

PoolKey read(const std::string& name, const etcd::KeyValue& kv) {
  PoolKey key{.name = name, .mod_revision = kv.mod_revision, .document = {}, .fault = {}};
  auto document = config::parse_fleet_pool_json(kv.value);
  if (!document) {
    key.fault = config::in_one_line(document.error());
    return key;
  }
  key.document = std::move(*document);
  if (!key.document.deleted && key.document.pool.name != name) {
    key.fault = "/name: must be that of its key";
  }
  return key;
}

const etcd::KeyValue* first_of(const etcd::TxnAnswer& answer, std::size_t range) {
  if (answer.ranges.size() <= range || answer.ranges[range].kvs.empty()) return nullptr;
  return &answer.ranges[range].kvs.front();
}

/// "revision 5, by anna@laptop at 2026-…"
std::string who(const PoolKey& key) {
  const config::Stamp& stamp = key.document.stamp;
  std::string text = stamp.revision == 0 ? "a document that was not written by this command"
                                         : "revision " + std::to_string(stamp.revision);
  if (!stamp.changed_by.empty()) text += ", by " + printable(stamp.changed_by);
  if (!stamp.changed_at.empty()) text += " at " + printable(stamp.changed_at);
  return text;
}

std::string order_text(const NodeOrder& order, const std::string& token) {
  nlohmann::json value{{"scheduling", order.scheduling}, {"id", token}};
  if (order.deadline_s) value["deadline_s"] = *order.deadline_s;
  if (order.force) value["force"] = true;
  return value.dump();
}

}  // namespace

struct Desk::Attempt {
  std::string pool;
  config::Stamp stamp;
};

Desk::Desk(KeyStore& store, std::string cluster, Author author)
    : store_(store),
      cluster_(std::move(cluster)),
      keys_("/mayfly/" + cluster_ + "/"),
      author_(std::move(author)) {}

Failure Desk::failure(const etcd::Error& error) const {
  return failure_of(error, cluster_);
}

Result<PoolKey> Desk::pool(const std::string& name) {
  const auto answer = store_.read({keys_.pool(name)});
  if (!answer) return tl::unexpected(failure(answer.error()));
  if (answer->kvs.empty()) return PoolKey{.name = name, .document = {}, .fault = {}};
  return read(name, answer->kvs.front());
}

Result<std::vector<PoolKey>> Desk::pools() {
  const auto answer = store_.read(keys_.all_pools());
  if (!answer) return tl::unexpected(failure(answer.error()));
  std::vector<PoolKey> pools;
  for (const etcd::KeyValue& kv : answer->kvs) pools.push_back(read(keys_.pool_of(kv.key), kv));
  return pools;
}

Result<std::vector<PoolKey>> Desk::history(const std::string& name) {
  const auto answer = store_.read(keys_.history(name));
  if (!answer) return tl::unexpected(failure(answer.error()));
  std::vector<PoolKey> revisions;
  for (const etcd::KeyValue& kv : answer->kvs) revisions.push_back(read(name, kv));
  return revisions;
}

Result<std::uint32_t> Desk::next_revision(const PoolKey& before) {
  const auto revisions = history(before.name);
  if (!revisions) return tl::unexpected(revisions.error());
  std::uint32_t newest = before.document.stamp.revision;
  for (const PoolKey& each : *revisions) newest = std::max(newest, each.document.stamp.revision);
  if (newest == std::numeric_limits<std::uint32_t>::max()) {
    return fail(ExitCode::kError, "pool " + before.name + ": somebody has put the last revision " +
                                      "that there is: remove it from " +
                                      keys_.history(before.name).key + " and the pool's key");
  }
  return newest + 1;
}

Result<Written> Desk::write(const PoolKey& before, config::FleetPool document) {
  const auto revision = next_revision(before);
  if (!revision) return tl::unexpected(revision.error());
  document.stamp = {*revision, author_.name, author_.now(), author_.token()};
  const std::string value = config::to_json(document);
  const std::string key = keys_.pool(before.name);
  const std::string old_key = keys_.old_pool(before.name, *revision);
  etcd::Txn txn;
  txn.compares = {{key, etcd::Compare::Target::kModRevision, before.mod_revision}};
  txn.success = {etcd::Put{key, value}, etcd::Put{old_key, value}};
  if (*revision > kHistoryKept) {
    const std::string end = keys_.old_pool(before.name, *revision - kHistoryKept + 1);
    txn.success.emplace_back(etcd::Delete{keys_.history(before.name).key, end});
  }
  txn.failure = {etcd::Range{key}, etcd::Range{old_key}};
  const auto answer =
      settle(txn, "whether pool " + before.name + " was changed is not known: `mayfly --cluster " +
                      cluster_ + " history " + before.name + "` shows it once etcd answers");
  if (!answer) return tl::unexpected(answer.error());
  return judge({before.name, document.stamp}, *answer);
}

/// Each try takes the place of the same key as it was: at most one of them can be done.
Result<etcd::TxnAnswer> Desk::settle(const etcd::Txn& txn, const std::string& if_unknown) {
  bool may_be_done = false;
  etcd::Error last;
  for (int tries = 0; tries < kTries; ++tries) {
    auto answer = store_.commit(txn);
    if (answer) return std::move(*answer);
    last = answer.error();
    may_be_done = may_be_done || last.kind == etcd::ErrorKind::kUnknown;
    if (last.kind == etcd::ErrorKind::kRefused || !may_be_done) break;
  }
  if (!may_be_done) return tl::unexpected(failure(last));
  return fail(ExitCode::kTimedOut, failure(last).what + "; " + if_unknown);
}

Result<Written> Desk::judge(const Attempt& attempt, const etcd::TxnAnswer& answer) const {
  const config::Stamp& ours = attempt.stamp;
  if (answer.succeeded) return Written{answer.header.revision, ours.revision, ""};
  const etcd::KeyValue* now = first_of(answer, 0);
  const PoolKey there = now == nullptr ? PoolKey{.name = attempt.pool, .document = {}, .fault = {}}
                                       : read(attempt.pool, *now);
  if (there.document.stamp.change == ours.change) {
    return Written{there.mod_revision, ours.revision, ""};
  }
  const std::string change =
      there.mod_revision == 0 ? "its key was removed" : "it is " + who(there);
  const etcd::KeyValue* kept = first_of(answer, 1);
  if (kept != nullptr && read(attempt.pool, *kept).document.stamp.change == ours.change) {
    return Written{kept->mod_revision, ours.revision, change};
  }
  return fail(ExitCode::kRefused, "pool " + attempt.pool +
                                      " was changed by somebody else meanwhile: " + change +
                                      "; nothing was written: look at it, then do it again");
}

Result<std::vector<NodeKeys>> Desk::nodes() {
  // In this order: of a node that comes meanwhile, its report is seen.
  const auto members = store_.read(keys_.all_members());
  if (!members) return tl::unexpected(failure(members.error()));
  const auto answer = store_.read(keys_.all_nodes());
  if (!answer) return tl::unexpected(failure(answer.error()));
  std::map<std::string, NodeKeys> nodes;
  for (const etcd::KeyValue& kv : members->kvs) {
    const std::string name = keys_.node_of(kv.key);
    if (!name.empty()) nodes[name].member = kv;
  }
  for (const etcd::KeyValue& kv : answer->kvs) {
    const auto [name, part] = keys_.node_and_part(kv.key);
    if (name.empty()) continue;
    NodeKeys& node = nodes[name];
    if (part == "info") node.info = kv;
    if (part == "status") node.status = kv;
    if (part == "desired") node.desired = kv;
  }
  std::vector<NodeKeys> list;
  for (auto& [name, node] : nodes) {
    node.name = name;
    list.push_back(std::move(node));
  }
  return list;
}

std::vector<LeaseTime> Desk::lease_times(const std::vector<std::int64_t>& leases) {
  return store_.lease_times(leases);
}

Result<std::vector<coordinator::Claim>> Desk::claims() {
  const auto answer = store_.read(keys_.all_slots());
  if (!answer) return tl::unexpected(failure(answer.error()));
  std::vector<coordinator::Claim> claims;
  for (const etcd::KeyValue& kv : answer->kvs) {
    if (auto claim = coordinator::claim_of(kv)) claims.push_back(std::move(*claim));
  }
  return claims;
}

/// One that is gone is one too, for as long as something of it is known.
Outcome Desk::expect_node(const std::string& node) {
  const std::string keys = keys_.node(node, "");
  for (const etcd::Range& range :
       {etcd::Range{keys, etcd::end_of_prefix(keys)}, etcd::Range{keys_.member(node)}}) {
    const auto known = store_.read(range);
    if (!known) return tl::unexpected(failure(known.error()));
    if (!known->kvs.empty()) return {};
  }
  return fail(ExitCode::kNotFound, "there is no node \"" + printable(node) + "\" in cluster " +
                                       cluster_ + "; `mayfly --cluster " + cluster_ +
                                       " get nodes` lists them");
}

Result<std::string> Desk::order(const std::string& node, const NodeOrder& order) {
  const std::string key = keys_.node(node, "desired");
  if (const auto known = expect_node(node); !known) return tl::unexpected(known.error());
  const auto before = store_.read({key});
  if (!before) return tl::unexpected(failure(before.error()));
  const std::string id = author_.token();
  const std::string value = order_text(order, id);
  etcd::Txn txn;
  txn.compares = {{key, etcd::Compare::Target::kModRevision,
                   before->kvs.empty() ? 0 : before->kvs.front().mod_revision}};
  txn.success = {etcd::Put{key, value}};
  txn.failure = {etcd::Range{key}};
  const auto answer = settle(txn, "whether node " + node + " has the order is not known");
  if (!answer) return tl::unexpected(answer.error());
  const etcd::KeyValue* there = first_of(*answer, 0);
  if (answer->succeeded || (there != nullptr && there->value == value)) return id;
  return fail(ExitCode::kRefused, "node " + node +
                                      " was given another order by somebody else meanwhile; "
                                      "nothing was written: look at it, then do it again");
}

}  // namespace mayfly::cli::fleet
