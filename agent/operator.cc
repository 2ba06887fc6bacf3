#include "agent/operator.h"

#include <utility>

#include "agent/clock.h"
#include "agent/names.h"

namespace mayfly::agent {
namespace {

control::Error not_found(const std::string& what) {
  return {control::Refusal::kNotFound, what + " is not there"};
}

}  // namespace

Operator::Operator(Parts parts, control::NodeStatus node, Hooks hooks)
    : parts_(parts), node_(std::move(node)), hooks_(std::move(hooks)) {}

core::Time Operator::now() const {
  return monotonic_now();
}

core::EmptySlot Operator::why(const std::string& pool, core::SlotIndex slot) const {
  return parts_.core.why(monotonic_now(), pool, slot);
}

std::optional<control::PoolDetail> Operator::pool(const std::string& name) const {
  const CatalogPool* entry = parts_.catalog.find(name);
  if (entry == nullptr) return std::nullopt;
  control::PoolDetail detail{
      entry->desired, entry->source, entry->paused || entry->paused_by_fleet, {}};
  for (const KnownRevision& known : entry->revisions) detail.revisions.push_back(known.row);
  return detail;
}

std::string Operator::worker_name(const core::PoolName& pool, core::WorkerId id) const {
  return agent::worker_name(pool, id);
}

std::optional<core::WorkerId> Operator::worker_id(const std::string& name) const {
  const auto parsed = parse_worker_name(name);
  if (!parsed) return std::nullopt;
  const auto found = model().workers.find(parsed->worker);
  if (found == model().workers.end() || found->second.pool != parsed->pool) return std::nullopt;
  return parsed->worker;
}

void Operator::apply(config::Pool pool, control::ApplyOptions options,
                     control::Reply<control::ApplyResult> reply) {
  parts_.desired.apply(pool, options, std::move(reply));
}

void Operator::drop(const std::string& pool, control::Reply<control::ApplyResult> reply) {
  parts_.desired.drop(pool, std::move(reply));
}

void Operator::scale(const std::string& pool, std::uint32_t replicas,
                     control::Reply<control::ApplyResult> reply) {
  parts_.desired.scale(pool, replicas, std::move(reply));
}

void Operator::pause(const std::string& pool, control::Reply<control::ApplyResult> reply) {
  parts_.desired.mark(pool, Desired::Mark::kPaused, std::move(reply));
}

void Operator::resume(const std::string& pool, control::Reply<control::ApplyResult> reply) {
  parts_.desired.mark(pool, Desired::Mark::kRunning, std::move(reply));
}

void Operator::reset(const std::string& pool, control::Reply<control::ApplyResult> reply) {
  const CatalogPool* entry = parts_.catalog.find(pool);
  if (entry == nullptr) {
    reply(tl::unexpected(not_found("pool " + pool)));
    return;
  }
  parts_.inbox.post(core::ResetAsked{pool});
  control::ApplyResult result;
  result.pool = pool;
  result.kind = control::ChangeKind::kUnchanged;
  result.revision = entry->revisions.back().row.number;
  reply(std::move(result));
}

void Operator::retire(core::WorkerId worker, control::Reply<std::string> reply) {
  const auto found = model().workers.find(worker);
  if (found == model().workers.end()) {
    reply(tl::unexpected(not_found("the worker")));
    return;
  }
  parts_.inbox.post(core::RetireAsked{worker});
  reply(worker_name(found->second.pool, worker));
}

void Operator::kill(core::WorkerId worker, control::Reply<std::string> reply) {
  const auto found = model().workers.find(worker);
  if (found == model().workers.end()) {
    reply(tl::unexpected(not_found("the worker")));
    return;
  }
  parts_.inbox.post(core::KillAsked{worker});
  reply(worker_name(found->second.pool, worker));
}

void Operator::reload(control::Reply<std::string> reply) {
  auto reloaded = hooks_.reload();
  if (!reloaded) {
    reply(tl::unexpected(control::Error{control::Refusal::kInvalid, reloaded.error()}));
    return;
  }
  reply(*reloaded);
}

void Operator::order_node(const config::NodeOrder& order,
                          control::Reply<control::NodeResult> reply) {
  hooks_.order_node(order, std::move(reply));
}

void Operator::doctor(control::Reply<std::vector<doctor::Check>> reply) {
  hooks_.doctor(std::move(reply));
}

void Operator::exits(store::ExitQuery query, control::Reply<std::vector<store::Exit>> reply) {
  parts_.store.exits(std::move(query), [reply = std::move(reply)](std::vector<store::Exit> rows) {
    reply(std::move(rows));
  });
}

}  // namespace mayfly::agent
