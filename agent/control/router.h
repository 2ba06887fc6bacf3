// The routes: which methods and paths there are, what each needs, what each answers. Pure of
// transport: a request goes in with the daemon's operations, a response comes out, maybe later.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/control/clock.h"
#include "agent/control/http.h"
#include "agent/control/operations.h"

namespace mayfly::control {

struct Match;

/// One request on its way through a handler.
struct Call {
  const Match& match;
  const Request& request;
  Operations& operations;
  Respond respond;

  [[nodiscard]] Moment moment() const { return {operations.now(), request.unix_ms}; }
  /// REQUIRES: the route's path has a {name}.
  [[nodiscard]] const std::string& captured(std::size_t index = 0) const;
  /// "" = not given.
  [[nodiscard]] std::string query(const std::string& key) const;
};

enum class BodyKind : std::uint8_t { kNone, kText, kSpooled };

struct Route {
  std::string_view method;
  std::string_view path;  ///< "/v1/pools/{name}"
  Access access;
  BodyKind body;
  std::string_view query;  ///< the keys it takes, separated by spaces; any other is an error
  void (*handle)(const Call&);
};

/// All of them; what docs/openapi.yaml describes.
[[nodiscard]] std::span<const Route> routes();

struct Match {
  const Route* route = nullptr;
  std::vector<std::string> captured;  ///< what stands for the {…}, in order
  Query query;
};

/// The error is the response to give: 400, 404 or 405.
[[nodiscard]] tl::expected<Match, Response> find_route(std::string_view method,
                                                       std::string_view target);

/// Calls `respond` once, now or later, on the loop. `operations` must outlive a feed that is
/// returned.
void answer(const Match& match, const Request& request, Operations& operations, Respond respond);

// Handlers, by what they do.
void get_status(const Call& call);
void get_version(const Call& call);
void get_pools(const Call& call);
void get_pool(const Call& call);
void get_workers(const Call& call);
void get_spares(const Call& call);
void get_worker(const Call& call);
void get_why_pool(const Call& call);
void get_why_slot(const Call& call);
void get_exits(const Call& call);
void get_doctor(const Call& call);
void get_metrics(const Call& call);

void get_events(const Call& call);
void get_worker_logs(const Call& call);
void get_pool_logs(const Call& call);

void post_pools(const Call& call);
void delete_pool(const Call& call);
void post_scale(const Call& call);
void post_pause(const Call& call);
void post_resume(const Call& call);
void post_reset(const Call& call);
void post_retire(const Call& call);
void post_kill(const Call& call);

void get_node(const Call& call);
void post_node_cordon(const Call& call);
void post_node_drain(const Call& call);
void post_node_undrain(const Call& call);

void get_images(const Call& call);
void delete_image(const Call& call);
void post_image_pull(const Call& call);
void post_image_gc(const Call& call);
void post_image_import(const Call& call);
void post_reload(const Call& call);

}  // namespace mayfly::control
