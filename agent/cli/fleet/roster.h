// What the nodes of a fleet say of themselves, as plain values. What stands in etcd may be
// anything: what is missing or of another kind is as not said. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/cli/fleet/desk.h"

namespace mayfly::cli::fleet {

/// Slots that are empty for one reason.
struct EmptySlots {
  std::string reason;
  std::string message;
  std::string detail;
  std::int64_t count = 0;
};

struct PoolOnNode {
  std::int64_t document = 0;  ///< mod_revision of the one in force; 0: it is the node's own pool
  std::int64_t revision = 0;
  std::int64_t active_revision = 0;
  std::int64_t replicas = 0;
  std::int64_t running = 0;
  std::int64_t empty = 0;
  std::int64_t outdated = 0;
  bool paused = false;
  bool deleting = false;
  std::string image;
  std::string image_digest;
  std::optional<std::int64_t> gap_p50_us;
  std::optional<std::int64_t> gap_p99_us;
  std::map<std::string, std::int64_t> exits;  ///< by class
  std::vector<EmptySlots> why;
};

enum class Presence : std::uint8_t {
  kLive,     ///< it reports
  kJoining,  ///< it keeps its claims' lease, and has yet to report
  kGone,     ///< it did, or something is ordered of it
};

struct Node {
  std::string name;
  Presence presence = Presence::kGone;
  std::string instance;
  std::string version;
  std::map<std::string, std::string> labels;
  std::string scheduling;            ///< "open", "cordoned", "draining", "drained"; "": not known
  std::string ordered;               ///< what people last ordered of it; "": nothing
  std::optional<std::string> order;  ///< id of the last one that it followed or refused
  std::string order_fault;           ///< why it refused that; "": it did not
  std::map<std::string, PoolOnNode> pools;
  std::int64_t pools_left_out = 0;
  std::map<std::string, std::string> refused;             ///< pool → why
  std::map<std::string, std::int64_t> refused_documents;  ///< pool → mod_revision
  std::vector<std::string> alarms;
  std::int64_t lease = 0;                     ///< by which it was last heard of
  std::optional<std::int64_t> contact_age_s;  ///< since then
  std::optional<std::int64_t> lease_left_s;
  std::map<std::string, std::set<std::uint32_t>> slots;  ///< that wait for it; of one that is gone

  [[nodiscard]] bool is_live() const { return presence == Presence::kLive; }
};

using Roster = std::vector<Node>;

[[nodiscard]] Node node_of(const NodeKeys& keys);

/// All nodes.
[[nodiscard]] Result<Roster> read_nodes(Desk& desk);
/// The same, with the time of their last contact, and what waits for those that are gone.
[[nodiscard]] Result<Roster> read_roster(Desk& desk);

}  // namespace mayfly::cli::fleet
