// What is worth telling of this node: found by comparing how things are with how they were at the
// last look, so that nothing depends on how often workers come and go. Pure.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "agent/core/model.h"
#include "agent/webhook/event.h"

namespace mayfly::webhook {

/// How things are.
struct View {
  core::Time now;
  const core::Model& model;
  /// Of an empty slot.
  std::function<core::EmptySlot(const core::PoolName& pool, core::SlotIndex slot)> why;
  std::string coordinator;  ///< its state in a word; "" = there is none
};

class News {
 public:
  /// A slot that stands empty for so long makes its pool degraded.
  static constexpr std::chrono::seconds kEmptyMax{10};
  /// So long no slot may have, for it to be well again.
  static constexpr std::chrono::seconds kCalm{60};

  /// At the first look, all is as it is. Paused pools, and all while the host goes down or workers
  /// are still being adopted, are not judged.
  [[nodiscard]] std::vector<Event> look(const View& view);

 private:
  struct PoolSeen {
    core::PoolSettings settings;
    bool is_degraded = false;
    core::Time troubled{};  ///< when a slot was last found to be empty for too long
  };

  void look_at_node(const View& view, std::vector<Event>& events);
  void look_at_pools(const View& view, std::vector<Event>& events);
  static void judge(const View& view, PoolSeen& seen, std::vector<Event>& events);

  bool has_looked_ = false;
  bool runtime_up_ = true;
  bool coordinator_lost_ = false;
  std::map<core::PoolName, PoolSeen> pools_;
};

}  // namespace mayfly::webhook
