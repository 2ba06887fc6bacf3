#include "agent/webhook/event.h"

#include <nlohmann/json.hpp>

#include "agent/control/clock.h"
#include "runtime/encoding/hmac.h"

namespace mayfly::webhook {
namespace {

using Json = nlohmann::ordered_json;

// JSON makes three bytes of one that is no UTF-8, and six of a control character.
constexpr std::size_t kTextBytesMax = 300;

}  // namespace

std::string type_of(config::WebhookEvent kind) {
  return "io.mayfly." + std::string(config::kWebhookEvents.at(static_cast<std::size_t>(kind)));
}

std::string to_json(const Event& event, const Origin& origin) {
  Json body{{"specversion", "1.0"},
            {"id", origin.id},
            {"source", "/mayfly/nodes/" + origin.node},
            {"type", type_of(event.kind)},
            {"time", control::rfc3339(origin.unix_ms)},
            {"datacontenttype", "application/json"}};
  if (!event.pool.empty()) body["subject"] = event.pool;
  Json& about = body["data"] = {{"node", origin.node}};
  if (!event.pool.empty()) about["pool"] = event.pool;
  for (const auto& [key, text] : event.texts) about[key] = text.substr(0, kTextBytesMax);
  for (const auto& [key, number] : event.numbers) about[key] = number;
  return body.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string signature(std::string_view secret, std::int64_t unix_s, std::string_view body) {
  const std::string time = std::to_string(unix_s);
  return "t=" + time + ",v1=" + encoding::hmac_sha256(secret, time + "." + std::string(body));
}

}  // namespace mayfly::webhook
