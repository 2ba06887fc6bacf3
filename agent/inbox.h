// The only way into the core. Anything on the loop may post; nothing posted calls the core itself:
// the first post of a batch wakes the loop, which takes the whole batch in one turn.
#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "agent/core/event.h"

namespace mayfly::agent {

class Inbox {
 public:
  /// `wake` is called once per batch, from post(); it must not run a turn itself.
  void on_first(std::function<void()> wake) { wake_ = std::move(wake); }

  void post(core::Event event) {
    events_.push_back(std::move(event));
    if (events_.size() == 1 && wake_) wake_();
  }

  [[nodiscard]] std::vector<core::Event> take() { return std::exchange(events_, {}); }

 private:
  std::vector<core::Event> events_;
  std::function<void()> wake_;
};

}  // namespace mayfly::agent
