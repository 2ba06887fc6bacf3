// What the node says of itself, as the daemon's parts keep it up to date. Plain values.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace mayfly::control {

/// How this node stands with its coordinator.
struct CoordinatorStatus {
  std::string cluster;
  std::string endpoint;  ///< the one that is asked
  std::string state;     ///< "connecting", "connected", "lost"
  std::optional<std::int64_t> last_contact_unix_ms;
  std::vector<std::string> alarms;
  std::map<std::string, std::string> refused;  ///< pools whose document is not taken: why
};

/// What was ordered of the node itself. How far that is, the core's model says.
struct NodeScheduling {
  std::optional<std::int64_t> since_unix_ms;     ///< none: nothing ever was ordered
  std::optional<std::int64_t> deadline_unix_ms;  ///< of a drain
  std::string order;                             ///< the coordinator's last that was followed
  std::string refused;  ///< why the one that the coordinator holds is not; "" = it is, or none is
};

/// How it goes with telling somebody's server what happens on this node.
struct WebhookStatus {
  std::string url;    ///< without its path
  std::string fault;  ///< of the last try; "" = it was good
  std::uint64_t waiting = 0;
  std::uint64_t sent = 0;
  std::uint64_t refused = 0;
  std::uint64_t dropped = 0;  ///< for want of room, or of age
};

struct NodeStatus {
  std::string node;
  std::string instance;
  std::string version;
  std::int64_t started_unix_ms = 0;
  std::string runtime;  ///< "containerd 1.6.20"
  std::string runtime_socket;
  std::string config_file;
  std::string config_fault;  ///< of the last reload; "" = it was good
  std::vector<std::string> warnings;
  std::vector<std::string> runtime_warnings;     ///< what the runtime is set to do and will hurt
  std::optional<CoordinatorStatus> coordinator;  ///< none: this node is on its own
  std::optional<WebhookStatus> webhook;          ///< none: nobody is told
  NodeScheduling scheduling;
};

}  // namespace mayfly::control
