// The section of mayfly.toml that names who is told what happens on this node; every default stands
// here once.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mayfly::config {

enum class WebhookEvent : std::uint8_t {
  kNodeStarted,
  kNodeStopping,
  kPoolApplied,
  kPoolDeleted,
  kPoolDegraded,
  kPoolRecovered,
  kRuntimeLost,
  kRuntimeFound,
  kCoordinatorLost,
  kCoordinatorFound,
};

/// Their words, in the order of the enumeration.
inline constexpr std::array<std::string_view, 10> kWebhookEvents{
    "node.started",   "node.stopping", "pool.applied",  "pool.deleted",     "pool.degraded",
    "pool.recovered", "runtime.lost",  "runtime.found", "coordinator.lost", "coordinator.found"};

struct Webhook {
  std::string url;          ///< "": nobody is told
  std::string secret_file;  ///< the key of the signature never stands in the configuration
  std::string ca_file;      ///< PEM; "": the host's own
  bool plain_http = false;
  std::vector<std::string> events;  ///< of kWebhookEvents; none: all
  bool operator==(const Webhook&) const = default;
};

}  // namespace mayfly::config
