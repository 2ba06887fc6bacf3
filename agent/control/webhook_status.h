// How it goes with telling somebody's server what happens on this node.
#pragma once

#include <cstdint>
#include <string>

namespace mayfly::control {

struct WebhookStatus {
  std::string url;    ///< without its path
  std::string fault;  ///< of the last try; "" = it was good
  std::uint64_t waiting = 0;
  std::uint64_t sent = 0;
  std::uint64_t refused = 0;
  std::uint64_t dropped = 0;  ///< for want of room, or of age
};

}  // namespace mayfly::control
