// How workers are named, for people and in the runtime, and what their containers are labelled
// with. A worker is POOL-RUN-NUMBER (encode-12-3051: the 3051st container of the daemon's 12th
// run); its container is mayfly-INSTANCE-POOL-RUN-NUMBER, so that two daemons never meet on one
// runtime.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "agent/core/ids.h"

namespace mayfly::agent {

inline constexpr const char* kLabelInstance = "mayfly.instance";
inline constexpr const char* kLabelPool = "mayfly.pool";
inline constexpr const char* kLabelWorker = "mayfly.worker";
inline constexpr const char* kLabelRevision = "mayfly.revision";
inline constexpr const char* kLabelSpec = "mayfly.spec";  ///< sha256 of the spec, hex

/// The first id of a run: above all ids of earlier runs.
[[nodiscard]] constexpr core::WorkerId first_worker_of(std::uint32_t run) {
  return core::WorkerId{(static_cast<std::uint64_t>(run) << 32) + 1};
}

[[nodiscard]] std::string worker_name(const core::PoolName& pool, core::WorkerId worker);

struct ParsedName {
  core::PoolName pool;
  core::WorkerId worker{};
};
/// Nothing for a text that worker_name cannot have made.
[[nodiscard]] std::optional<ParsedName> parse_worker_name(std::string_view name);

/// Whose container it is, of this instance; nothing for any other name.
[[nodiscard]] std::optional<ParsedName> worker_of_container(const std::string& instance,
                                                            std::string_view container);

/// What this host is called, where the configuration does not say it.
[[nodiscard]] std::string host_name();

/// "mayfly-3fa9c2d1-"
[[nodiscard]] std::string container_prefix(const std::string& instance);

}  // namespace mayfly::agent
