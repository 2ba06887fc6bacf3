// What a node tells its coordinator of itself, as JSON of a bounded size, and how it knows its own
// words again. Nothing in it changes while nothing happens.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "agent/catalog.h"
#include "agent/control/operations.h"
#include "agent/coordinator/events.h"
#include "agent/evidence.h"

namespace mayfly::fleet {

inline constexpr std::size_t kReportBytesMax = 64 * 1024;

[[nodiscard]] std::string node_info(const control::NodeStatus& node,
                                    const std::map<std::string, std::string>& labels);

/// Why a slot is empty now.
using WhyEmpty = std::function<core::EmptySlot(const core::PoolName&, core::SlotIndex)>;

/// What a status is made of.
struct NodeFacts {
  const core::Model& model;
  const agent::Catalog& catalog;
  const agent::Evidence& evidence;
  WhyEmpty why;
  const control::NodeScheduling& ordered;
  const std::map<std::string, std::int64_t>& documents;  ///< in force: pool → mod_revision
  const std::map<std::string, std::string>& refused;     ///< pool → why
  const std::map<std::string, std::int64_t>& refused_documents;
  std::vector<std::string> alarms;
};

/// Pools beyond what fits are told of in fewer words, then counted.
[[nodiscard]] std::string node_status(const NodeFacts& facts);

/// The status as it is written: with whose it is and the number of the write.
[[nodiscard]] std::string sealed(const std::string& status, const std::string& instance,
                                 std::uint64_t token);
/// Whose the value is that stands there.
[[nodiscard]] coordinator::Writer writer_of(const etcd::KeyValue& kv, const std::string& instance);

}  // namespace mayfly::fleet
