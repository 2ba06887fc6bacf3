#include "agent/fleet/node_orders.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <tuple>
#include <utility>

#include "agent/clock.h"
#include "agent/core/node.h"
#include "agent/core/node_words.h"
#include "agent/crash_point.h"
#include "agent/log.h"
#include "agent/message_ids.h"
#include "config/faults.h"

namespace mayfly::fleet {
namespace {

namespace words = core::node_words;
using Json = nlohmann::json;
using config::NodeOrder;
using control::NodeResult;
using control::Reply;
using core::Scheduling;

constexpr std::array<std::pair<std::string_view, Scheduling>, 3> kSchedulings{
    {{words::kOpen, Scheduling::kOpen},
     {words::kCordoned, Scheduling::kCordoned},
     {words::kDrained, Scheduling::kDrained}}};

/// What an unknown word of the store means too: the node works.
Scheduling scheduling_of(std::string_view word) {
  for (const auto& [name, value] : kSchedulings) {
    if (name == word) return value;
  }
  return Scheduling::kOpen;
}

std::string word_for(NodeOrder::Scheduling scheduling) {
  switch (scheduling) {
    case NodeOrder::Scheduling::kOpen:
      return words::kOpen;
    case NodeOrder::Scheduling::kCordoned:
      return words::kCordoned;
    case NodeOrder::Scheduling::kDrained:
      return words::kDrained;
  }
  return words::kOpen;
}

std::map<core::PoolName, std::uint32_t> kept_of(const std::string& text) {
  std::map<core::PoolName, std::uint32_t> kept;
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return kept;
  for (const auto& item : json.items()) {
    if (item.value().is_number_unsigned()) kept[item.key()] = item.value().get<std::uint32_t>();
  }
  return kept;
}

}  // namespace

std::optional<core::Duration> time_left(const store::NodeOrder& row, std::int64_t now_unix_ms) {
  if (!row.deadline_s) return std::nullopt;
  const std::chrono::milliseconds whole = std::chrono::seconds(*row.deadline_s);
  const std::chrono::milliseconds passed(now_unix_ms - row.ordered_ms);
  return std::clamp(whole - passed, std::chrono::milliseconds(0), whole);
}

NodeOrders::NodeOrders(Parts parts) : parts_(parts), row_(parts.store.loaded().node) {
  show();
}

void NodeOrders::restore() {
  if (!row_.scheduling.empty()) parts_.inbox.post(core::NodeDesired{settings(row_)});
}

core::NodeSettings NodeOrders::settings(const store::NodeOrder& row) const {
  core::NodeSettings settings{.scheduling = scheduling_of(row.scheduling)};
  const auto left = time_left(row, agent::unix_ms_now());
  if (left) settings.drain_until = agent::monotonic_now() + *left;
  settings.kept = kept_of(row.kept);
  return settings;
}

/// A node that is being drained is cordoned already, and one that is drained has no deadline.
bool NodeOrders::changes(const NodeOrder& order) const {
  const Scheduling now = scheduling_of(row_.scheduling);
  switch (order.scheduling) {
    case NodeOrder::Scheduling::kOpen:
      return now != Scheduling::kOpen;
    case NodeOrder::Scheduling::kCordoned:
      return now == Scheduling::kOpen;
    case NodeOrder::Scheduling::kDrained:
      return now != Scheduling::kDrained || parts_.model.node_state != core::NodeState::kDrained;
  }
  return true;
}

store::NodeOrder NodeOrders::row_for(const NodeOrder& order) const {
  store::NodeOrder row = row_;
  if (!changes(order)) return row;
  row.scheduling = word_for(order.scheduling);
  row.ordered_ms = agent::unix_ms_now();
  row.deadline_s.reset();
  if (order.deadline) row.deadline_s = order.deadline->count();
  row.kept.clear();
  if (order.scheduling == NodeOrder::Scheduling::kCordoned) {
    row.kept = Json(core::slots_to_keep(parts_.model)).dump();
  }
  return row;
}

void NodeOrders::take(const NodeOrder& order, Reply<NodeResult> reply) {
  carry_out(row_for(order), std::move(reply));
}

void NodeOrders::follow(const std::string& document, Origin origin) {
  const auto order = config::parse_node_order_json(document);
  if (!order) return refuse(config::in_one_line(order.error()));
  if (order->id == row_.order_id) return refuse("");
  if (origin.epoch == row_.order_epoch && origin.revision < row_.order_revision) {
    return refuse("it is older than the last one that was followed, " + row_.order_id);
  }
  store::NodeOrder row = row_for(*order);
  row.order_id = order->id;
  row.order_epoch = origin.epoch;
  row.order_revision = origin.revision;
  carry_out(std::move(row), [this](const tl::expected<NodeResult, control::Error>& result) {
    refuse(result ? "" : result.error().what);
  });
}

void NodeOrders::carry_out(store::NodeOrder row, Reply<NodeResult> reply) {
  const store::NodeOrder before = std::exchange(row_, row);
  const auto wanted = [](const store::NodeOrder& of) {
    return std::tie(of.scheduling, of.ordered_ms, of.deadline_s, of.kept);
  };
  const NodeResult result{wanted(before) == wanted(row) ? control::ChangeKind::kUnchanged
                                                        : control::ChangeKind::kChanged};
  if (row == before) return reply(result);
  parts_.store.put_node(row, [this, row, before, result, reply = std::move(reply)](bool saved) {
    agent::crash_point("node.saved");
    if (!saved) {
      if (row_ == row) row_ = before;
      reply(tl::unexpected(control::Error{
          control::Refusal::kFailed, "the order could not be written to the state directory"}));
      return;
    }
    show();
    if (result.kind == control::ChangeKind::kChanged) {
      agent::log::info({"the node is ordered otherwise", agent::message_ids::kNodeOrdered},
                       {{"scheduling", row.scheduling},
                        {"deadline_s", row.deadline_s ? std::to_string(*row.deadline_s) : ""},
                        {"order", row.order_id == before.order_id ? "" : row.order_id}});
      parts_.inbox.post(core::NodeDesired{settings(row)});
    }
    reply(result);
  });
}

void NodeOrders::refuse(const std::string& why) {
  if (why == std::exchange(parts_.node.scheduling.refused, why) || why.empty()) return;
  agent::log::error({"order of the coordinator refused", agent::message_ids::kNodeOrderRefused},
                    {{"error", why}});
}

void NodeOrders::show() {
  control::NodeScheduling& shown = parts_.node.scheduling;
  shown.since_unix_ms.reset();
  shown.deadline_unix_ms.reset();
  shown.order = row_.order_id;
  if (row_.scheduling.empty()) return;
  shown.since_unix_ms = row_.ordered_ms;
  if (const auto left = time_left(row_, agent::unix_ms_now())) {
    using std::chrono::milliseconds;
    shown.deadline_unix_ms =
        agent::unix_ms_now() + std::chrono::duration_cast<milliseconds>(*left).count();
  }
}

}  // namespace mayfly::fleet
