// A piece of a driver's work that takes several calls: a class with one method per step, in the
// order in which they happen. It ends by leaving its owner.
#pragma once

#include <cstddef>
#include <memory>
#include <unordered_map>
#include <utility>

namespace mayfly::runtime {

class Operation {
 public:
  Operation() = default;
  virtual ~Operation() = default;
  Operation(const Operation&) = delete;
  Operation& operator=(const Operation&) = delete;
  virtual void begin() = 0;
};

/// Owns what is under way. Destruction drops all of it; nothing is called back, REQUIRES: the
/// connection that they call on goes first or with it.
class Operations {
 public:
  void run(std::unique_ptr<Operation> operation) {
    auto& started = *operation;
    running_.emplace(&started, std::move(operation));
    started.begin();
  }

  /// Destroys the operation, and then says so: `tell` may do anything, even start another.
  template <class Tell>
  void finish(const Operation& operation, Tell tell) {
    running_.erase(&operation);
    tell();
  }

  [[nodiscard]] std::size_t running() const { return running_.size(); }

 private:
  std::unordered_map<const Operation*, std::unique_ptr<Operation>> running_;
};

}  // namespace mayfly::runtime
