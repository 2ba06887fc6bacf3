// A node's life with its coordinator, pure: what etcd said goes in, what to ask it for comes out;
// no I/O, no clock, chance as a seed. It owns what the last good desired state is and whether there
// is contact; it refuses to know what documents mean and what HTTP is. Nothing that happens to etcd
// makes it give up a pool.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "agent/coordinator/claims.h"
#include "agent/coordinator/mirror.h"
#include "agent/coordinator/parts.h"

namespace mayfly::coordinator {

struct Decision {
  std::vector<Action> actions;
  std::set<std::string> changed;  ///< pools whose documents are new: look at state()
  /// What stands at the key of orders for this node, where that is new: one, or none.
  std::optional<std::vector<etcd::KeyValue>> order;
  Time wake_at = core::kNever;
};

enum class Contact : std::uint8_t {
  kConnecting,  ///< since the start, no answer yet
  kConnected,
  kLost,
};

class Session {
 public:
  /// `self`: none is a node that takes no part in the pools that are spread over the fleet.
  Session(Keys keys, Baseline baseline, std::uint64_t seed,
          std::optional<Claims::Self> self = std::nullopt);

  /// Same inputs, same Decision. `now` never goes back.
  [[nodiscard]] Decision step(Time now, const std::vector<Event>& events);

  [[nodiscard]] const DesiredState& state() const { return follower_.state(); }
  [[nodiscard]] Contact contact(Time now) const;
  [[nodiscard]] Time last_contact() const { return last_contact_; }  ///< REQUIRES: there was one
  [[nodiscard]] std::int64_t lease() const { return keeper_.lease(); }
  /// REQUIRES: it takes part.
  [[nodiscard]] const Claims& claims() const { return claims_.value(); }
  /// What is wrong now, for people, a line each; nothing when all is well.
  [[nodiscard]] std::vector<std::string> alarms() const;

 private:
  void take(const Event& event, Decision& decision, Turn& turn);
  void take_for_claims(const Event& event, Turn& turn);
  void take_for_order(const Event& event, Turn& turn);
  void advance_order(Decision& decision, Turn& turn);

  Follower follower_;
  LeaseKeeper keeper_;
  Reporter reporter_;
  std::optional<Claims> claims_;
  /// What is ordered of this node, as it stands there.
  std::optional<Mirror<std::string>> order_;
  using Seen = std::pair<std::uint64_t, std::int64_t>;
  std::optional<Seen> order_seen_;  ///< the epoch and the revision of what was passed on
  Chance chance_;
  std::uint64_t last_number_ = 0;
  bool has_met_ = false;
  Time last_contact_{};
};

}  // namespace mayfly::coordinator
