#include "agent/control/router.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <optional>

namespace mayfly::control {
namespace {

constexpr auto kRead = Access::kRead;
constexpr auto kWrite = Access::kWrite;
constexpr auto kNoBody = BodyKind::kNone;
constexpr auto kText = BodyKind::kText;

constexpr std::array kRoutes{
    Route{"GET", "/v1/status", kRead, kNoBody, "", get_status},
    Route{"GET", "/v1/version", kRead, kNoBody, "", get_version},
    Route{"GET", "/v1/pools", kRead, kNoBody, "", get_pools},
    Route{"POST", "/v1/pools", kWrite, kText, "dry_run", post_pools},
    Route{"GET", "/v1/pools/{name}", kRead, kNoBody, "", get_pool},
    Route{"DELETE", "/v1/pools/{name}", kWrite, kNoBody, "", delete_pool},
    Route{"GET", "/v1/pools/{name}/logs", kRead, kNoBody, "stream tail follow", get_pool_logs},
    Route{"POST", "/v1/pools/{name}/scale", kWrite, kText, "", post_scale},
    Route{"POST", "/v1/pools/{name}/pause", kWrite, kText, "", post_pause},
    Route{"POST", "/v1/pools/{name}/resume", kWrite, kText, "", post_resume},
    Route{"POST", "/v1/pools/{name}/reset", kWrite, kText, "", post_reset},
    Route{"GET", "/v1/workers", kRead, kNoBody, "pool", get_workers},
    Route{"GET", "/v1/spares", kRead, kNoBody, "pool", get_spares},
    Route{"GET", "/v1/workers/{name}", kRead, kNoBody, "", get_worker},
    Route{"GET", "/v1/workers/{name}/logs", kRead, kNoBody, "stream tail follow", get_worker_logs},
    Route{"POST", "/v1/workers/{name}/retire", kWrite, kText, "", post_retire},
    Route{"POST", "/v1/workers/{name}/kill", kWrite, kText, "", post_kill},
    Route{"GET", "/v1/why/{pool}", kRead, kNoBody, "", get_why_pool},
    Route{"GET", "/v1/why/{pool}/{slot}", kRead, kNoBody, "", get_why_slot},
    Route{"GET", "/v1/exits", kRead, kNoBody, "pool worker limit", get_exits},
    Route{"GET", "/v1/events", kRead, kNoBody, "after tail follow", get_events},
    Route{"GET", "/v1/images", kRead, kNoBody, "", get_images},
    Route{"DELETE", "/v1/images", kWrite, kNoBody, "name", delete_image},
    Route{"POST", "/v1/images/pull", kWrite, kText, "", post_image_pull},
    Route{"POST", "/v1/images/gc", kWrite, kText, "dry_run", post_image_gc},
    Route{"POST", "/v1/images/import", kWrite, BodyKind::kSpooled, "name", post_image_import},
    Route{"GET", "/v1/doctor", kRead, kNoBody, "", get_doctor},
    Route{"GET", "/v1/node", kRead, kNoBody, "", get_node},
    Route{"POST", "/v1/node/cordon", kWrite, kText, "", post_node_cordon},
    Route{"POST", "/v1/node/drain", kWrite, kText, "", post_node_drain},
    Route{"POST", "/v1/node/undrain", kWrite, kText, "", post_node_undrain},
    Route{"POST", "/v1/reload", kWrite, kText, "", post_reload},
    Route{"GET", "/metrics", kRead, kNoBody, "", get_metrics},
};

std::string_view take_segment(std::string_view& path) {
  path.remove_prefix(1);
  const std::size_t end = std::min(path.find('/'), path.size());
  const std::string_view segment = path.substr(0, end);
  path.remove_prefix(end);
  return segment;
}

std::optional<std::vector<std::string>> capture(std::string_view pattern,
                                                const std::vector<std::string>& segments) {
  std::vector<std::string> captured;
  for (const std::string& segment : segments) {
    if (pattern.empty()) return std::nullopt;
    const std::string_view wanted = take_segment(pattern);
    if (wanted.front() == '{') {
      if (segment.empty()) return std::nullopt;
      captured.push_back(segment);
    } else if (wanted != segment) {
      return std::nullopt;
    }
  }
  if (!pattern.empty()) return std::nullopt;
  return captured;
}

bool has_word(std::string_view words, std::string_view word) {
  while (!words.empty()) {
    const std::size_t end = std::min(words.find(' '), words.size());
    if (words.substr(0, end) == word) return true;
    words.remove_prefix(std::min(end + 1, words.size()));
  }
  return false;
}

Response unknown_key(const Route& route, const std::string& key) {
  const std::string taken = route.query.empty() ? "none" : std::string(route.query);
  return error_response(400, "bad_request",
                        "unknown query key \"" + key + "\"; this route takes: " + taken);
}

Response no_route(const std::string& allow) {
  if (allow.empty()) return error_response(404, "not_found", "there is no such route");
  Response response =
      error_response(405, "method_not_allowed", "this route takes " + allow + " only");
  response.allow = allow;
  return response;
}

}  // namespace

std::span<const Route> routes() {
  return kRoutes;
}

const std::string& Call::captured(std::size_t index) const {
  assert(index < match.captured.size());
  return match.captured[index];
}

std::string Call::query(const std::string& key) const {
  const auto found = match.query.find(key);
  return found == match.query.end() ? "" : found->second;
}

tl::expected<Match, Response> find_route(std::string_view method, std::string_view target) {
  auto parsed = parse_target(target);
  if (!parsed) return tl::unexpected(error_response(400, "bad_request", parsed.error()));
  std::string allow;
  for (const Route& route : kRoutes) {
    auto captured = capture(route.path, parsed->segments);
    if (!captured) continue;
    if (route.method != method) {
      allow += (allow.empty() ? "" : ", ") + std::string(route.method);
      continue;
    }
    for (const auto& [key, value] : parsed->query) {
      if (!has_word(route.query, key)) return tl::unexpected(unknown_key(route, key));
    }
    return Match{&route, std::move(*captured), std::move(parsed->query)};
  }
  return tl::unexpected(no_route(allow));
}

void answer(const Match& match, const Request& request, Operations& operations, Respond respond) {
  match.route->handle(Call{match, request, operations, std::move(respond)});
}

}  // namespace mayfly::control
