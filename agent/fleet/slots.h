// The pools that are spread over the fleet, as this node runs them: which they are, how many
// workers it is to run of each (the session's to say), and in how many places it does. Pure, so
// that the simulator runs it as it is. Owned by the fleet.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "agent/catalog.h"
#include "agent/coordinator/session.h"
#include "agent/core/model.h"

namespace mayfly::fleet {

class Slots {
 public:
  using Shared = std::map<std::string, coordinator::SharedPool>;

  /// From now on the node runs so many of the pool.
  using Allot = std::function<void(const std::string& pool, const agent::Allotment& allotted)>;

  /// The model outlives this.
  Slots(Allot allot, const core::Model& model, Shared shared);

  void share(const std::string& pool, const coordinator::SharedPool& shared);
  void unshare(const std::string& pool);
  /// No more than that, whatever slots there are: the pool is on its way out.
  void cap(const std::string& pool, std::uint32_t workers);

  /// What the session is to know before its next step: which pools there are, where it is new, and
  /// the places as of now. And whether the node takes anything on.
  [[nodiscard]] std::vector<coordinator::Event> news();
  /// Are there other places than it was told?
  [[nodiscard]] bool has_news() const;
  [[nodiscard]] const Shared& shared() const { return shared_; }
  /// After a step: runs as many workers as there are slots for.
  void follow(const coordinator::Claims& claims);

 private:
  using Places = std::map<std::string, std::uint32_t>;

  /// None before the core has seen what runs.
  [[nodiscard]] std::optional<Places> places() const;

  Allot allot_;
  const core::Model& model_;
  Shared shared_;
  bool is_shared_new_ = true;
  std::map<std::string, std::uint32_t> allotted_;
  std::map<std::string, std::uint32_t> capped_;
  std::optional<Places> told_;
  core::NodeState state_told_ = core::NodeState::kOpen;
};

}  // namespace mayfly::fleet
