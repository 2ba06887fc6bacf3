#include "agent/fleet.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <nlohmann/json.hpp>
#include <utility>

#include "agent/clock.h"
#include "agent/fleet_report.h"
#include "agent/log.h"

namespace mayfly::agent {
namespace {

using namespace std::chrono_literals;
using Json = nlohmann::json;

constexpr auto kReportPause = 1s;  ///< from something that happens to the next look at all of it
constexpr std::size_t kFaultsSaid = 3;

coordinator::Keys keys_of(const config::Coordinator& config) {
  return coordinator::Keys("/mayfly/" + config.cluster + "/");
}

etcd::Client::Options client_options(const config::Coordinator& config) {
  return {.endpoints = config.endpoints,
          .ca_file = config.ca_file,
          .cert_file = config.cert_file,
          .key_file = config.key_file,
          .user = config.user,
          .password_file = config.password_file};
}

/// The row without a pool: which etcd the others are from.
store::FleetDocument baseline_row(const coordinator::Baseline& baseline,
                                  const std::string& cluster) {
  return {.pool = "",
          .document = Json{{"cluster", cluster}, {"id", baseline.cluster}}.dump(),
          .epoch = static_cast<std::int64_t>(baseline.epoch)};
}

/// What another cluster's keys said, or an earlier epoch's, has no place in this one's order.
coordinator::Baseline baseline_of(const FleetDocuments& rows, const std::string& cluster) {
  coordinator::Baseline baseline;
  for (const store::FleetDocument& row : rows) {
    if (!row.pool.empty()) continue;
    const Json about = Json::parse(row.document, nullptr, /*allow_exceptions=*/false);
    if (!about.is_object() || about.value("cluster", "") != cluster) continue;
    baseline.cluster = about.value("id", std::uint64_t{0});
    baseline.epoch = static_cast<std::uint64_t>(row.epoch);
  }
  for (const store::FleetDocument& row : rows) {
    if (row.pool.empty()) continue;
    const bool is_in_order =
        baseline.cluster != 0 && static_cast<std::uint64_t>(row.epoch) == baseline.epoch;
    baseline.documents[row.pool] = {row.document, is_in_order ? row.mod_revision : 0};
  }
  return baseline;
}

std::string text_of(const config::Faults& faults) {
  std::string text;
  for (std::size_t i = 0; i < std::min(faults.size(), kFaultsSaid); ++i) {
    text += (i == 0 ? "" : "; ") + faults[i].what;
  }
  const std::size_t more = faults.size() - std::min(faults.size(), kFaultsSaid);
  return more == 0 ? text : text + "; and " + std::to_string(more) + " more";
}

const char* word_for(coordinator::Contact contact) {
  switch (contact) {
    case coordinator::Contact::kConnecting:
      return "connecting";
    case coordinator::Contact::kConnected:
      return "connected";
    case coordinator::Contact::kLost:
      return "lost";
  }
  return "";
}

}  // namespace

std::vector<Desired::FromFleet> known_fleet(const config::Daemon& config,
                                            const FleetDocuments& documents) {
  std::vector<Desired::FromFleet> known;
  const bool is_alone = config.coordinator.endpoints.empty();
  for (const store::FleetDocument& row : documents) {
    if (row.pool.empty()) continue;
    const auto given = config::parse_fleet_pool_json(row.document);
    if (!given || given->deleted || given->total) continue;
    if (!config::selects(given->selector, config.node.labels)) continue;
    // A node that has left the fleet keeps its pools, and they are its own.
    const std::string key = keys_of(config.coordinator).pool(row.pool);
    known.push_back(
        {given->pool, is_alone ? "" : fleet_source(key), given->paused.value_or(false)});
  }
  return known;
}

Fleet::Fleet(boost::asio::io_context& loop, Parts parts, Options options)
    : loop_(loop),
      parts_(parts),
      options_(std::move(options)),
      keys_(keys_of(options_.config)),
      session_(keys_, baseline_of(parts.store.loaded().fleet, options_.config.cluster),
               options_.seed),
      timer_(loop),
      report_timer_(loop),
      client_(loop, client_options(options_.config)) {
  show();
}

void Fleet::start() {
  for (const auto& [pool, document] : session_.state().baseline().documents) {
    if (parts_.desired.is_of_fleet(pool)) in_force_[pool] = document.mod_revision;
  }
  observe();
  step();
}

void Fleet::observe() {
  if (std::exchange(is_report_due_, true)) return;
  report_timer_.expires_after(kReportPause);
  report_timer_.async_wait([this, alive = std::weak_ptr(alive_)](const auto& error) {
    if (!error && !alive.expired()) report();
  });
}

void Fleet::report() {
  is_report_due_ = false;
  post(coordinator::StatusChanged{fleet_status({.model = parts_.model,
                                                .catalog = parts_.catalog,
                                                .evidence = parts_.evidence,
                                                .why = parts_.why,
                                                .ordered = parts_.node.scheduling,
                                                .documents = in_force_,
                                                .refused = refused_,
                                                .refused_documents = refused_at_,
                                                .alarms = session_.alarms()})});
}

// ---- the session's turns

void Fleet::post(Event event) {
  events_.push_back(std::move(event));
  if (std::exchange(is_scheduled_, true)) return;
  boost::asio::post(loop_, [this, alive = std::weak_ptr(alive_)] {
    if (!alive.expired()) step();
  });
}

void Fleet::step() {
  is_scheduled_ = false;
  const auto events = std::exchange(events_, {});
  const coordinator::Decision decision = session_.step(monotonic_now(), events);
  for (const coordinator::Action& action : decision.actions) {
    std::visit([this](const auto& each) { perform(each); }, action);
  }
  keep_baseline();
  std::set<std::string> pools = decision.changed;
  const bool has_listed = std::any_of(events.begin(), events.end(), [](const Event& event) {
    return std::holds_alternative<coordinator::Listed>(event);
  });
  // What was in the way may be gone.
  if (has_listed) {
    for (const auto& [pool, why] : refused_) pools.insert(pool);
  }
  for (const std::string& pool : pools) consider(pool);
  if (decision.order) consider_order(*decision.order);
  show();
  arm(decision.wake_at);
}

void Fleet::arm(core::Time wake_at) {
  timer_.expires_at(std::chrono::steady_clock::time_point(wake_at.time_since_epoch()));
  timer_.async_wait([this, alive = std::weak_ptr(alive_)](const auto& error) {
    if (!error && !alive.expired()) step();
  });
}

void Fleet::show() {
  control::CoordinatorStatus shown;
  const core::Time now = monotonic_now();
  const coordinator::Contact contact = session_.contact(now);
  shown.cluster = options_.config.cluster;
  shown.endpoint = client_.endpoint();
  shown.state = word_for(contact);
  if (contact != coordinator::Contact::kConnecting) {
    const auto ago =
        std::chrono::duration_cast<std::chrono::milliseconds>(now - session_.last_contact());
    shown.last_contact_unix_ms = unix_ms_now() - ago.count();
  }
  shown.alarms = session_.alarms();
  shown.refused = refused_;
  auto& before = parts_.node.coordinator;
  if (before && before->state != shown.state) log::info("the coordinator is " + shown.state);
  for (const std::string& alarm : shown.alarms) {
    const bool is_new = !before || std::find(before->alarms.begin(), before->alarms.end(), alarm) ==
                                       before->alarms.end();
    if (is_new) log::warning("coordinator", {{"alarm", alarm}});
  }
  before = std::move(shown);
}

// ---- what it asks of etcd

etcd::Range Fleet::order_range() const {
  return {keys_.node(parts_.node.node, "desired")};
}

/// The order last, so that the watch, which begins after the list of the pools, misses none.
void Fleet::perform(const coordinator::List& list) {
  const auto failed = [this, number = list.number](const etcd::Error& error) {
    post(coordinator::ListFailed{number, error});
  };
  client_.list(keys_.desired(),
               [this, number = list.number, failed](etcd::Result<etcd::RangeAnswer> pools) {
                 if (!pools) return failed(pools.error());
                 client_.list(order_range(), [this, number, failed, pools = std::move(*pools)](
                                                 etcd::Result<etcd::RangeAnswer> order) {
                   if (!order) return failed(order.error());
                   post(coordinator::Listed{number, pools, std::move(order->kvs)});
                 });
               });
}

void Fleet::perform(const coordinator::Watch& watch) {
  perform(coordinator::StopWatch{watch.number});  // one of the two may be left of the one before
  for (const etcd::Range& range : {keys_.desired(), order_range()}) {
    const auto number = watch.number;
    watches_.push_back(client_.watch({range.key, range.end, watch.from},
                                     {[this, number](const etcd::WatchNews& news) {
                                        post(coordinator::WatchHeard{number, news});
                                      },
                                      [this, number](const etcd::Error& error) {
                                        post(coordinator::WatchEnded{number, error});
                                      }}));
  }
}

void Fleet::perform(const coordinator::StopWatch& /*stop*/) {
  for (const etcd::WatchId watch : std::exchange(watches_, {})) client_.cancel(watch);
}

void Fleet::perform(const coordinator::GrantLease& grant) {
  client_.grant(grant.ttl_s, [this, number = grant.number](const etcd::Result<etcd::Lease>& lease) {
    if (!lease) return post(coordinator::GrantFailed{number, lease.error()});
    post(coordinator::LeaseGranted{number, *lease});
  });
}

void Fleet::perform(const coordinator::KeepLease& keep) {
  client_.keep_alive(keep.lease,
                     [this, number = keep.number](const etcd::Result<etcd::Lease>& lease) {
                       if (!lease) return post(coordinator::KeepFailed{number, lease.error()});
                       post(coordinator::LeaseKept{number, *lease});
                     });
}

void Fleet::perform(const coordinator::WriteReport& write) {
  const control::NodeStatus& node = parts_.node;
  const std::string key = keys_.node(node.node, "status");
  etcd::Txn txn;
  txn.compares = {{key, etcd::Compare::Target::kModRevision, write.expected_revision}};
  txn.success = {etcd::Put{key, sealed(write.status, node.instance, write.number), write.lease}};
  if (informed_under_ != write.lease) {
    txn.success.emplace_back(
        etcd::Put{keys_.node(node.node, "info"), fleet_info(node, options_.labels), write.lease});
  }
  txn.failure = {etcd::Range{key}};
  client_.txn(
      txn, [this, write](const etcd::Result<etcd::TxnAnswer>& answer) { reported(write, answer); });
}

void Fleet::reported(const coordinator::WriteReport& write,
                     const etcd::Result<etcd::TxnAnswer>& answer) {
  if (!answer) return post(coordinator::ReportFailed{write.number, answer.error()});
  if (answer->succeeded) {
    informed_under_ = write.lease;
    return post(coordinator::ReportWritten{write.number, answer->header.revision});
  }
  std::optional<coordinator::Writer> found;
  if (!answer->ranges.empty() && !answer->ranges.front().kvs.empty()) {
    found = writer_of(answer->ranges.front().kvs.front(), parts_.node.instance);
  }
  post(coordinator::ReportConflicted{write.number, found});
}

// ---- the node itself

void Fleet::consider_order(const std::vector<etcd::KeyValue>& found) {
  if (found.empty()) return parts_.orders.follow_none();
  const auto epoch = static_cast<std::int64_t>(session_.state().baseline().epoch);
  parts_.orders.follow(found.front().value, {epoch, found.front().mod_revision});
  observe();
}

// ---- the pools

void Fleet::consider(const std::string& pool) {
  const auto& documents = session_.state().baseline().documents;
  const auto document = documents.find(pool);
  if (document == documents.end()) {
    forget(pool);
    return;
  }
  const auto given = config::parse_fleet_pool_json(document->second.value);
  if (!given) return refuse(pool, text_of(given.error()));
  if (given->deleted) return end(pool);
  if (given->pool.name != pool) return refuse(pool, "/name: must be that of its key");
  if (given->total) return refuse(pool, "this version runs no total over the fleet");
  const bool is_ours = config::selects(given->selector, options_.labels);
  // On disk before in force: a start without etcd must not go back to the one before.
  keep(pool, [this, pool, given = *given, is_ours] {
    if (is_ours) return apply(pool, given);
    forget(pool);
    parts_.desired.drop_of_fleet(pool);
  });
}

void Fleet::refuse(const std::string& pool, const std::string& why) {
  const bool is_new = !refused_.contains(pool) || refused_[pool] != why;
  if (is_new) log::error("pool of the coordinator refused", {{"pool", pool}, {"error", why}});
  refused_[pool] = why;
  refused_at_[pool] = mod_revision_of(pool);
  show();
  observe();
}

void Fleet::keep(const std::string& pool, std::function<void()> then) {
  const coordinator::Baseline& baseline = session_.state().baseline();
  const coordinator::Document& document = baseline.documents.at(pool);
  parts_.store.put_fleet(
      {pool, document.value, static_cast<std::int64_t>(baseline.epoch), document.mod_revision},
      [this, alive = std::weak_ptr(alive_), pool, then = std::move(then)](bool is_kept) {
        if (alive.expired()) return;
        if (!is_kept) return refuse(pool, "it could not be written to the state directory");
        then();
      });
}

std::int64_t Fleet::mod_revision_of(const std::string& pool) const {
  const auto& documents = session_.state().baseline().documents;
  const auto document = documents.find(pool);
  return document == documents.end() ? 0 : document->second.mod_revision;
}

void Fleet::forget(const std::string& pool) {
  refused_.erase(pool);
  refused_at_.erase(pool);
  in_force_.erase(pool);
}

void Fleet::apply(const std::string& pool, const config::FleetPool& given) {
  const auto is_current = [this, pool, given] {
    const auto& documents = session_.state().baseline().documents;
    const auto found = documents.find(pool);
    if (found == documents.end()) return false;
    const auto newest = config::parse_fleet_pool_json(found->second.value);
    return newest && newest->pool == given.pool && newest->paused == given.paused;
  };
  parts_.desired.take({given.pool, fleet_source(keys_.pool(pool)), given.paused.value_or(false)},
                      [this, alive = std::weak_ptr(alive_), pool, is_current](
                          const tl::expected<control::ApplyResult, control::Error>& result) {
                        if (alive.expired() || !is_current()) return;
                        if (!result) return refuse(pool, result.error().what);
                        forget(pool);
                        in_force_[pool] = mod_revision_of(pool);
                        show();
                        observe();
                      });
}

void Fleet::end(const std::string& pool) {
  const auto revision = session_.state().baseline().documents.at(pool).mod_revision;
  parts_.store.drop_fleet(pool, [this, alive = std::weak_ptr(alive_), pool, revision](bool gone) {
    if (alive.expired()) return;
    if (!gone) return refuse(pool, "its end could not be written to the state directory");
    forget(pool);
    parts_.desired.drop_of_fleet(pool);
    post(coordinator::TombstoneTaken{pool, revision});
  });
}

void Fleet::keep_baseline() {
  auto row = baseline_row(session_.state().baseline(), options_.config.cluster);
  if (row == baseline_kept_) return;
  baseline_kept_ = row;
  parts_.store.put_fleet(std::move(row), [](bool) {});
}

}  // namespace mayfly::agent
