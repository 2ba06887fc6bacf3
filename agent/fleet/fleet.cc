#include "agent/fleet/fleet.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

#include "agent/clock.h"
#include "agent/fleet/report.h"
#include "agent/log.h"

namespace mayfly::fleet {
namespace {

using namespace std::chrono_literals;

constexpr auto kReportPause = 1s;  ///< from something that happens to the next look at all of it

etcd::Client::Options client_options(const config::Coordinator& config) {
  return {.endpoints = config.endpoints,
          .ca_file = config.ca_file,
          .cert_file = config.cert_file,
          .key_file = config.key_file,
          .user = config.user,
          .password_file = config.password_file};
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

Fleet::Fleet(boost::asio::io_context& loop, Parts parts, Options options)
    : loop_(loop),
      parts_(parts),
      options_(std::move(options)),
      keys_(keys_of(options_.config)),
      membership_(
          {.config = options_.config,
           .node = parts.node.node,
           .instance = parts.node.instance,
           .labels = options_.labels,
           .seed = options_.seed,
           .rows = parts.store.loaded().fleet,
           .known = options_.known},
          parts.model,
          [this](const auto& pool, const auto& allotted) { parts_.desired.allot(pool, allotted); }),
      brake_timer_(loop),
      timer_(loop),
      report_timer_(loop),
      client_(loop, client_options(options_.config)) {
  show();
}

void Fleet::start() {
  for (const auto& [pool, document] : session().state().baseline().documents) {
    if (parts_.desired.is_of_fleet(pool)) in_force_[pool] = document.mod_revision;
  }
  observe();
  step();
}

void Fleet::observe() {
  if (membership_.has_news()) schedule();
  if (std::exchange(is_report_due_, true)) return;
  report_timer_.expires_after(kReportPause);
  report_timer_.async_wait([this, alive = std::weak_ptr(alive_)](const auto& error) {
    if (!error && !alive.expired()) report();
  });
}

void Fleet::report() {
  is_report_due_ = false;
  post(coordinator::StatusChanged{node_status({.model = parts_.model,
                                               .catalog = parts_.catalog,
                                               .evidence = parts_.evidence,
                                               .why = parts_.why,
                                               .ordered = parts_.node.scheduling,
                                               .documents = in_force_,
                                               .refused = refused_,
                                               .refused_documents = refused_at_,
                                               .alarms = alarms()})});
}

// ---- the session's turns

void Fleet::post(Event event) {
  events_.push_back(std::move(event));
  schedule();
}

void Fleet::schedule() {
  if (std::exchange(is_scheduled_, true)) return;
  boost::asio::post(loop_, [this, alive = std::weak_ptr(alive_)] {
    if (!alive.expired()) step();
  });
}

void Fleet::step() {
  is_scheduled_ = false;
  std::vector<Event> events = std::exchange(events_, {});
  const bool has_listed = std::any_of(events.begin(), events.end(), [](const Event& event) {
    return std::holds_alternative<coordinator::Listed>(event);
  });
  const auto [decision, row] = membership_.step(agent::monotonic_now(), std::move(events));
  for (const coordinator::Action& action : decision.actions) {
    std::visit([this](const auto& each) { perform(each); }, action);
  }
  if (row) parts_.store.put_fleet(*row, [](bool) {});
  std::set<std::string> pools = decision.changed;
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
  const core::Time now = agent::monotonic_now();
  const coordinator::Contact contact = session().contact(now);
  shown.cluster = options_.config.cluster;
  shown.endpoint = client_.endpoint();
  shown.state = word_for(contact);
  if (contact != coordinator::Contact::kConnecting) {
    const auto ago =
        std::chrono::duration_cast<std::chrono::milliseconds>(now - session().last_contact());
    shown.last_contact_unix_ms = agent::unix_ms_now() - ago.count();
  }
  shown.alarms = alarms();
  shown.refused = refused_;
  auto& before = parts_.node.coordinator;
  if (before && before->state != shown.state) agent::log::info("the coordinator is " + shown.state);
  for (const std::string& alarm : shown.alarms) {
    const bool is_new = !before || std::find(before->alarms.begin(), before->alarms.end(), alarm) ==
                                       before->alarms.end();
    if (is_new) agent::log::warning("coordinator", {{"alarm", alarm}});
  }
  before = std::move(shown);
}

// ---- what it asks of etcd

void Fleet::perform(const coordinator::List& list) {
  client_.list(list.range, [this, number = list.number](etcd::Result<etcd::RangeAnswer> answer) {
    if (!answer) return post(coordinator::ListFailed{number, answer.error()});
    post(coordinator::Listed{number, std::move(*answer)});
  });
}

void Fleet::perform(const coordinator::Watch& watch) {
  const auto number = watch.number;
  const auto id = client_.watch({watch.range.key, watch.range.end, watch.from},
                                {[this, number](const etcd::WatchNews& news) {
                                   post(coordinator::WatchHeard{number, news});
                                 },
                                 [this, number](const etcd::Error& error) {
                                   watches_.erase(number);
                                   post(coordinator::WatchEnded{number, error});
                                 }});
  watches_.emplace(number, id);
}

void Fleet::perform(const coordinator::StopWatch& stop) {
  const auto watch = watches_.extract(stop.number);
  if (watch) client_.cancel(watch.mapped());
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
        etcd::Put{keys_.node(node.node, "info"), node_info(node, options_.labels), write.lease});
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

void Fleet::perform(const coordinator::PutKey& put) {
  write_key(put.number, {{put.key, etcd::Compare::Target::kModRevision, put.expected_revision}},
            etcd::Put{put.key, put.value, put.lease});
}

void Fleet::perform(const coordinator::DeleteKey& gone) {
  write_key(gone.number, {{gone.key, etcd::Compare::Target::kModRevision, gone.expected_revision}},
            etcd::Delete{gone.key});
}

void Fleet::write_key(std::uint64_t number, std::vector<etcd::Compare> compares,
                      etcd::Operation operation) {
  etcd::Txn txn{.compares = std::move(compares), .success = {std::move(operation)}};
  txn.failure = {etcd::Range{txn.compares.front().key}};
  client_.txn(txn, [this, number](const etcd::Result<etcd::TxnAnswer>& answer) {
    if (!answer) return post(coordinator::KeyFailed{number, answer.error()});
    const std::int64_t revision = answer->header.revision;
    if (answer->succeeded) return post(coordinator::KeyWritten{number, revision});
    std::optional<etcd::KeyValue> found;
    if (!answer->ranges.empty() && !answer->ranges.front().kvs.empty()) {
      found = answer->ranges.front().kvs.front();
    }
    post(coordinator::KeyConflicted{number, revision, found});
  });
}

// ---- the node itself

void Fleet::consider_order(const std::vector<etcd::KeyValue>& found) {
  if (found.empty()) return parts_.orders.follow_none();
  const auto epoch = static_cast<std::int64_t>(session().state().baseline().epoch);
  parts_.orders.follow(found.front().value, {epoch, found.front().mod_revision});
  observe();
}

}  // namespace mayfly::fleet
