// What went wrong in talking to a registry, in words that say which registry, what, and what to do;
// and whether the same may go well in a moment.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/registry/transport.h"
#include "runtime/result.h"

namespace mayfly::registry {

struct Trouble {
  runtime::Fault fault;
  int cost = 0;  ///< of the tries that there are; 0: trying again is of no use
  std::optional<std::chrono::milliseconds> wait;  ///< as the registry wishes
};

/// What was asked of whom.
struct Asked {
  std::string host;
  std::string what;  ///< "library/busybox:1"
  std::string user;  ///< "" = as nobody
};

[[nodiscard]] Trouble trouble_of(const HttpFailure& failure, const Asked& asked);

/// Of an answer that is none of those that were hoped for.
[[nodiscard]] Trouble trouble_of(const HttpReply& reply, const Asked& asked);

[[nodiscard]] Trouble refused(std::string why);
/// Bytes that are not what they should be: a transfer that went wrong, or a bad registry.
[[nodiscard]] Trouble corrupted(std::string why);

/// What the registry itself says, of bounded length, in one line; "" for nothing readable.
[[nodiscard]] std::string registry_words(std::string_view body);

/// In one line, bounded, without bytes that do something to a terminal.
[[nodiscard]] std::string shown(std::string_view text);

}  // namespace mayfly::registry
