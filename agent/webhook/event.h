// One thing that happened on this node, as it is told: a CloudEvent 1.0 in JSON, in structured
// mode. Plain values of a bounded size. Refuses to know who is told.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/webhook.h"

namespace mayfly::webhook {

inline constexpr std::string_view kContentType = "application/cloudevents+json; charset=utf-8";

struct Event {
  config::WebhookEvent kind{};
  std::string pool;  ///< the subject; "" = it is about the node
  /// What goes into its data, cut to a bounded size.
  std::vector<std::pair<std::string, std::string>> texts;
  std::vector<std::pair<std::string, std::int64_t>> numbers;
};

/// Who says it, and when.
struct Origin {
  std::string node;
  std::string id;  ///< of this event: unique for ever, and the same at each try
  std::int64_t unix_ms = 0;
};

/// "io.mayfly.pool.degraded"
[[nodiscard]] std::string type_of(config::WebhookEvent kind);

/// The body. At most about 4 KiB.
[[nodiscard]] std::string to_json(const Event& event, const Origin& origin);

/// The header Mayfly-Signature: when it was signed, and by whom. The signature is over the time, a
/// dot and the body.
[[nodiscard]] std::string signature(std::string_view secret, std::int64_t unix_s,
                                    std::string_view body);

}  // namespace mayfly::webhook
