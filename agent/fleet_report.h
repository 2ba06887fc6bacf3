// What a node tells its coordinator of itself, as JSON of a bounded size, and how it knows its own
// words again. Nothing in it changes while nothing happens.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/control/operations.h"
#include "agent/coordinator/events.h"

namespace mayfly::agent {

inline constexpr std::size_t kReportBytesMax = 64 * 1024;

[[nodiscard]] std::string fleet_info(const control::NodeStatus& node,
                                     const std::map<std::string, std::string>& labels);

/// Pools beyond what fits are counted.
[[nodiscard]] std::string fleet_status(const core::Model& model,
                                       const control::NodeScheduling& ordered,
                                       const std::map<std::string, std::string>& refused,
                                       const std::vector<std::string>& alarms);

/// The status as it is written: with whose it is and the number of the write.
[[nodiscard]] std::string sealed(const std::string& status, const std::string& instance,
                                 std::uint64_t token);
/// Whose the value is that stands there.
[[nodiscard]] coordinator::Writer writer_of(const etcd::KeyValue& kv, const std::string& instance);

}  // namespace mayfly::agent
