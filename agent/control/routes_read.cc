// Handlers that tell what is.
#include <charconv>
#include <nlohmann/json.hpp>

#include "agent/control/metrics.h"
#include "agent/control/names.h"
#include "agent/control/reply.h"
#include "agent/control/router.h"
#include "agent/control/views.h"

namespace mayfly::control {
namespace {

constexpr std::uint32_t kExitsMax = 1000;

/// False: a response has been given.
bool pool_exists(const Call& call, const std::string& pool) {
  if (call.operations.model().pools.contains(pool)) return true;
  call.respond(error_response(404, "not_found", no_such_pool(pool)));
  return false;
}

void get_role(const Call& call, WorkerRole role) {
  const std::string pool = call.query("pool");
  if (!pool.empty() && !pool_exists(call, pool)) return;
  call.respond(json_response(workers_view(call.operations, role, pool, call.moment())));
}

}  // namespace

void get_status(const Call& call) {
  call.respond(json_response(status_view(call.operations, call.moment())));
}

void get_version(const Call& call) {
  call.respond(json_response(version_view(call.operations.node())));
}

void get_pools(const Call& call) {
  call.respond(json_response(pools_view(call.operations, call.moment())));
}

void get_pool(const Call& call) {
  const std::string& pool = call.captured();
  if (!pool_exists(call, pool)) return;
  const auto detail = call.operations.pool(pool);
  if (!detail) return call.respond(error_response(404, "not_found", no_such_pool(pool)));
  call.respond(json_response(pool_view(call.operations, *detail, call.moment())));
}

void get_workers(const Call& call) {
  get_role(call, WorkerRole::kWorker);
}

void get_spares(const Call& call) {
  get_role(call, WorkerRole::kSpare);
}

void get_worker(const Call& call) {
  const std::string& worker = call.captured();
  const auto id = call.operations.worker_id(worker);
  const auto& workers = call.operations.model().workers;
  const auto found = id ? workers.find(*id) : workers.end();
  if (found == workers.end()) {
    return call.respond(error_response(404, "not_found", no_such_worker(worker)));
  }
  call.respond(json_response(worker_view(call.operations, found->second, call.moment())));
}

void get_why_pool(const Call& call) {
  if (!pool_exists(call, call.captured())) return;
  call.respond(json_response(why_pool_view(call.operations, call.captured(), call.moment())));
}

void get_why_slot(const Call& call) {
  const std::string& pool = call.captured();
  if (!pool_exists(call, pool)) return;
  const auto slot = parse_number(call.captured(1));
  if (!slot) return call.respond(error_response(400, "bad_request", "a slot is a number"));
  const auto& slots = call.operations.model().pools.at(pool).slots;
  const auto index = static_cast<core::SlotIndex>(*slot);
  if (*slot > UINT32_MAX || !slots.contains(index)) {
    return call.respond(
        error_response(404, "not_found", "pool \"" + pool + "\" has no slot " + call.captured(1)));
  }
  call.respond(json_response(why_slot_view(call.operations, pool, index, call.moment())));
}

void get_exits(const Call& call) {
  store::ExitQuery query;
  query.pool = call.query("pool");
  query.worker = call.query("worker");
  if (const std::string limit = call.query("limit"); !limit.empty()) {
    const auto number = parse_number(limit);
    if (!number || *number == 0 || *number > kExitsMax) {
      return call.respond(
          error_response(400, "bad_request", "limit must be 1.." + std::to_string(kExitsMax)));
    }
    query.limit = static_cast<std::uint32_t>(*number);
  }
  call.operations.exits(query, reply_with<std::vector<store::Exit>>(
                                   call.respond, [](const std::vector<store::Exit>& exits) {
                                     Json rows = Json::array();
                                     for (const auto& exit : exits) rows.push_back(exit_view(exit));
                                     return Json{{"exits", std::move(rows)}};
                                   }));
}

void get_doctor(const Call& call) {
  call.operations.doctor(reply_with<std::vector<doctor::Check>>(call.respond, doctor_view));
}

void get_metrics(const Call& call) {
  Response response;
  response.content_type = "text/plain; version=0.0.4; charset=utf-8";
  response.body = metrics_text(call.operations);
  call.respond(std::move(response));
}

}  // namespace mayfly::control
