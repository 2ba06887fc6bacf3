// Handlers that change something. Bodies are checked here; what they mean is the daemon's.
#include <nlohmann/json.hpp>

#include "agent/control/reply.h"
#include "agent/control/router.h"
#include "agent/control/views.h"
#include "config/load.h"

namespace mayfly::control {
namespace {

/// From "application/json; charset=utf-8" the part before the parameters.
std::string media_type(const std::string& content_type) {
  std::string type = content_type.substr(0, content_type.find(';'));
  while (!type.empty() && type.back() == ' ') type.pop_back();
  return type;
}

tl::expected<config::Pool, Response> parse_pool(const Request& request) {
  const std::string type = media_type(request.content_type);
  if (type == "application/toml") {
    auto pool = config::parse_pool_toml(request.body, "request");
    if (!pool) return tl::unexpected(faults_response(pool.error()));
    return *pool;
  }
  if (!type.empty() && type != "application/json") {
    return tl::unexpected(
        error_response(415, "unsupported_media_type", "send application/json or application/toml"));
  }
  if (!nlohmann::json::accept(request.body)) {
    return tl::unexpected(error_response(400, "bad_request", "the body is not JSON"));
  }
  auto pool = config::parse_pool_json(request.body);
  if (!pool) return tl::unexpected(faults_response(pool.error()));
  return *pool;
}

using PoolVerb = void (Operations::*)(const std::string&, Reply<ApplyResult>);

void change_pool(const Call& call, PoolVerb verb) {
  const auto body = parse_object(call.request.body, "");
  if (!body) return call.respond(body.error());
  (call.operations.*verb)(call.captured(), reply_apply(call.respond));
}

using WorkerVerb = void (Operations::*)(core::WorkerId, Reply<std::string>);

void change_worker(const Call& call, WorkerVerb verb) {
  const auto body = parse_object(call.request.body, "");
  if (!body) return call.respond(body.error());
  const auto id = call.operations.worker_id(call.captured());
  if (!id || !call.operations.model().workers.contains(*id)) {
    return call.respond(error_response(404, "not_found", no_such_worker(call.captured())));
  }
  (call.operations.*verb)(*id, reply_message(call.respond));
}

}  // namespace

void post_pools(const Call& call) {
  ApplyOptions options;
  const auto dry_run = parse_flag(call, "dry_run");
  if (!dry_run) return call.respond(dry_run.error());
  options.dry_run = *dry_run;
  auto pool = parse_pool(call.request);
  if (!pool) return call.respond(pool.error());
  call.operations.apply(std::move(*pool), options, reply_apply(call.respond));
}

void delete_pool(const Call& call) {
  call.operations.drop(call.captured(), reply_apply(call.respond));
}

void post_scale(const Call& call) {
  const auto body = parse_object(call.request.body, "replicas");
  if (!body) return call.respond(body.error());
  const auto replicas = body->find("replicas");
  if (replicas == body->end() || !replicas->is_number_unsigned() ||
      replicas->get<std::uint64_t>() > UINT32_MAX) {
    return call.respond(
        error_response(422, "invalid", "replicas must be a whole number, 0 or more"));
  }
  call.operations.scale(call.captured(), replicas->get<std::uint32_t>(), reply_apply(call.respond));
}

void post_pause(const Call& call) {
  change_pool(call, &Operations::pause);
}

void post_resume(const Call& call) {
  change_pool(call, &Operations::resume);
}

void post_reset(const Call& call) {
  change_pool(call, &Operations::reset);
}

void post_retire(const Call& call) {
  change_worker(call, &Operations::retire);
}

void post_kill(const Call& call) {
  change_worker(call, &Operations::kill);
}

void post_reload(const Call& call) {
  const auto body = parse_object(call.request.body, "");
  if (!body) return call.respond(body.error());
  call.operations.reload(reply_message(call.respond));
}

}  // namespace mayfly::control
