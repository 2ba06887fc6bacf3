// A piece of work that takes several calls, one after the other: a class with one method per step,
// in the order in which they happen. It has at most one call in flight and ends by leaving its
// owner.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <tl/expected.hpp>
#include <unordered_map>
#include <utility>

#include "runtime/containerd/api.h"

namespace mayfly::containerd {

class Operation {
 public:
  Operation() = default;
  virtual ~Operation() = default;
  Operation(const Operation&) = delete;
  Operation& operator=(const Operation&) = delete;
  virtual void begin() = 0;
};

/// Owns what is under way. Destruction drops all of it; nothing is called back, REQUIRES: the
/// channel that they call on goes first or with it.
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

/// Binds the reply of a call to the operation's next step, and its failure to `failed`.
template <class Steps, class Reply>
Api::Done<Reply> then(Steps* steps, void (Steps::*next)(Reply)) {
  return [steps, next](tl::expected<Reply, grpc::Failure> reply) {
    if (!reply) return steps->failed(reply.error());
    (steps->*next)(std::move(*reply));
  };
}

}  // namespace mayfly::containerd
